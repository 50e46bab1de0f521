// libweft-testing.so is made of the parts it links.
