#pragma once

#include <weft/base/clock.hpp>
#include <weft/ovsdb/column.hpp>

#include <cstdint>
#include <deque>
#include <optional>

namespace weft::appliers::ovsdb {

/// How far OVN has followed the northbound database. A transaction may *raise* NB_Global's nb_cfg by one; northd copies
/// the number it has translated to sb_cfg, and once every ovn-controller here forwards by it, to hv_cfg. Raises are
/// counted by marks: a mark covers all that was committed before its raise or together with it. Nothing is raised
/// unless somebody asks.
class Levels {
  public:
    using Mark = std::uint64_t;  ///< 0: none

    /// A raise that isn't followed for `patience` makes OVN `silent`.
    explicit Levels(Duration patience = std::chrono::seconds(30)) : patience_(patience) {}

    /// The mark that covers everything committed by now; asks for a raise.
    Mark next() {
        wanted_ = sent_ + 1;
        return wanted_;
    }
    bool reached(Mark mark, weft::ovsdb::Level level) const;
    Mark southbound() const { return southbound_; }
    Mark installed() const { return installed_; }

    /// A transaction can raise: the database has the row for it.
    bool possible() const { return present_; }
    /// Somebody asked for a raise that has not been sent, and it may be sent now.
    bool needed(TimePoint now) const { return present_ && wanted_ > sent_ && now >= not_before_; }
    /// A transaction with a raise goes out.
    Mark send(TimePoint now);
    /// It was committed; NB_Global, as the replica has it now, says `number`.
    void committed(Mark mark, std::int64_t number);
    /// It was not, or nobody knows: another one will do. With `not_before` it is not sent at once.
    void failed(Mark mark, TimePoint not_before = {});

    /// What NB_Global says; nothing when the row is not there. True when a mark has come further.
    struct Numbers {
        std::int64_t raised = 0;
        std::int64_t southbound = 0;
        std::int64_t installed = 0;
    };
    bool told(const std::optional<Numbers>& numbers);

    /// OVN has left the oldest raise unanswered for too long. Until it answers again nobody should count on it.
    bool silent(TimePoint now) const;
    /// When silent() or needed() may change though nothing happens.
    std::optional<TimePoint> next_deadline(TimePoint now) const;

  private:
    struct Raise {
        Mark mark = 0;
        std::int64_t number = 0;  ///< 0: not answered by the database yet
        TimePoint sent;
    };
    bool advance();

    Duration patience_;
    bool present_ = false;
    Numbers numbers_;
    Mark wanted_ = 0;
    Mark sent_ = 0;
    Mark southbound_ = 0;
    Mark installed_ = 0;
    TimePoint not_before_{};
    std::deque<Raise> raises_;  ///< not installed yet, oldest first
};

}  // namespace weft::appliers::ovsdb
