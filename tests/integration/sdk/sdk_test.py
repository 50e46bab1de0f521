#!/usr/bin/env python3
"""Plays the author of a plugin who has only the installed SDK.

  sdk_test.py (install|template|tutorial|outside) SOURCE BUILD CXX
  sdk_test.py e2e (template|tutorial|outside) SOURCE BUILD CXX

`install` puts weft into a clean prefix and looks that nothing there names the tree it comes from. The others make a
plugin, each in a folder of its own below BUILD/sdk-test, build it against that prefix and run its tests: what `weftctl
plugin new` writes; what sdk/README.md tells, literally, commands and listings; the plugins in outside/. What has been
made from the same weft and the same texts already is not made again.
"""
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time


def fail(text):
    sys.exit(f"FAILED: {text}")


class Author:
    def __init__(self, source, build, cxx):
        self.source, self.build = pathlib.Path(source), pathlib.Path(build)
        self.work = self.build / "sdk-test"
        self.prefix = self.work / "prefix"
        self.work.mkdir(exist_ok=True)
        self.here = pathlib.Path(__file__).resolve().parent
        keep = ("HOME", "LANG", "TMPDIR", "CCACHE_DIR", "GTEST_OUTPUT", "WEFT_KUBERNETES", "WEFT_NEED_KUBERNETES",
                "WEFT_E2E_SERVER")
        self.environment = {name: os.environ[name] for name in keep if name in os.environ}
        self.environment |= {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                             "PREFIX": str(self.prefix), "CXX": cxx, "CMAKE_GENERATOR": "Ninja",
                             "CMAKE_BUILD_TYPE": "Debug", "NINJA_STATUS": "[%f/%t %e s] ",
                             "CCACHE_BASEDIR": str(self.work), "CCACHE_NOHASHDIR": "1"}
        if shutil.which("ccache", path=self.environment["PATH"]):
            self.environment["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"

    def run(self, argv, where=None, **more):
        print("$", " ".join(map(str, argv)), flush=True)
        environment = self.environment | {"CMAKE_PREFIX_PATH": str(self.prefix)} | more
        if subprocess.run(argv, cwd=where, env=environment).returncode != 0:
            fail(" ".join(map(str, argv)))

    # What things are made of ------------------------------------------------------------------------------------------

    def digest(self, *paths):
        digest = hashlib.sha256()
        for path in paths:
            files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            for file in files:
                digest.update(str(file).encode() + file.read_bytes())
        return digest.hexdigest()

    def weft(self):
        programs = [p for p in (self.build / "bin").iterdir() if p.name in ("weftd", "weftctl", "weft-podrunner")]
        return [self.build / "lib" / "libweft.so", self.build / "lib" / "libweft-testing.so", self.source / "sdk",
                self.build / "plugins" / "default-network.so", *sorted(programs)]

    def once(self, name, made_of, make):
        """Runs make() unless it has been done with the same things."""
        stamp = self.work / f"{name}.stamp"
        with open(self.work / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            key = self.digest(*made_of)
            if stamp.exists() and stamp.read_text() == key:
                return
            stamp.unlink(missing_ok=True)
            start = time.monotonic()
            make()
            print(f"-- {name}: {time.monotonic() - start:.1f} s", flush=True)
            stamp.write_text(key)

    # The prefix -------------------------------------------------------------------------------------------------------

    def install(self):
        self.once("prefix", self.weft(), self.install_anew)

    def install_anew(self):
        shutil.rmtree(self.prefix, ignore_errors=True)
        for component in ("core", "plugin-default-network", "sdk"):
            self.run(["cmake", "--install", self.build, "--prefix", self.prefix, "--component", component, "--strip"])
        for name in (self.source, self.build):
            found = subprocess.run(["grep", "-rlF", str(name), str(self.prefix)], capture_output=True, text=True)
            if found.stdout:
                fail(f"what is installed names {name}:\n{found.stdout}")
        for program in ("bin/weftctl", "sbin/weftd"):
            self.run([self.prefix / program, "--help" if program.endswith("ctl") else "--version"])

    def check_independence(self, folder):
        text = (folder / "build" / "build.ninja").read_text()
        for part in (self.source / "sdk", self.source / "core", self.build / "lib", self.build / "sdk"):
            if f"{part}/" in text:
                fail(f"the build of {folder} uses {part}")

    def fresh(self, name):
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def rules(self, folder):
        self.run(["ctest", "--test-dir", "build", "-L", "rules", "--output-on-failure", "--no-tests=error"], folder)

    # Three plugins ----------------------------------------------------------------------------------------------------

    def template(self):
        self.install()
        self.once("template", self.weft(), self.make_template)
        self.rules(self.work / "template")

    def make_template(self):
        folder = self.fresh("template")
        self.run([self.prefix / "bin/weftctl", "plugin", "new", "port-marks", folder])
        for file in folder.rglob("*"):
            if file.is_file() and re.search("my.?feature", file.read_text() + file.name, re.I):
                fail(f"{file} still speaks of my-feature")
        self.run(["cmake", "-S", ".", "-B", "build"], folder)
        self.run(["cmake", "--build", "build"], folder)
        self.check_independence(folder)

    def outside(self):
        self.install()
        self.once("outside", [*self.weft(), self.here / "outside"], self.make_outside)
        self.rules(self.work / "outside")

    def make_outside(self):
        folder = self.fresh("outside")
        shutil.copytree(self.here / "outside", folder)
        self.run(["cmake", "-S", ".", "-B", "build"], folder)
        self.run(["cmake", "--build", "build"], folder)
        self.check_independence(folder)

    def tutorial(self):
        self.install()
        self.once("tutorial", self.weft(), self.make_tutorial)
        self.rules(self.work / "tutorial" / "rate-limit")

    def make_tutorial(self):
        """One run of a shell: listings are written where it is at that moment."""
        folder = self.fresh("tutorial")
        folder.mkdir()
        script = ["set -euo pipefail", "PS4='$ '"]
        listings = commands = 0
        for language, label, text in blocks((self.prefix / "share/doc/weft-sdk/README.md").read_text()):
            if language == "sh" and not label:
                script += ["set -x", text, "{ set +x; } 2>/dev/null"]
                commands += 1
            elif language != "sh" and label:
                listings += 1
                file = self.work / "tutorial" / f"listing-{listings}"
                file.write_text(text)
                script += [f'mkdir -p "$(dirname "{label}")"', f'cp "{file}" "{label}"']
        if commands < 4 or listings < 8:
            fail(f"the tutorial has only {commands} blocks of commands and {listings} listings: how are they marked?")
        self.run(["bash", "-c", "\n".join(script)], folder, CMAKE_PREFIX_PATH="")
        self.check_independence(folder / "rate-limit")

    def e2e(self, name):
        getattr(self, name)()
        folder = self.work / name / ("rate-limit" if name == "tutorial" else "")
        if name == "tutorial":
            text = (self.prefix / "share/doc/weft-sdk/README.md").read_text()
            commands = [text for language, label, text in blocks(text) if (language, label) == ("sh", "e2e")]
            self.run(["bash", "-euxo", "pipefail", "-c", "\n".join(commands)], folder)
        else:
            self.run(["ctest", "--test-dir", "build", "-L", "e2e", "--output-on-failure", "--no-tests=error"], folder)


def blocks(markdown):
    """(language, label, text) of each fenced block: ```cpp rate_limit.hpp is a file, ```sh are commands."""
    found = re.findall(r"^```(\w*)[ ]*([^\n]*)\n(.*?)^```$", markdown, re.M | re.S)
    return [(language, label.strip(), text) for language, label, text in found]


def main():
    words = sys.argv[1:]
    action = words.pop(0)
    name = words.pop(0) if action == "e2e" else None
    author = Author(*words)
    author.e2e(name) if name else getattr(author, action)()


main()
