//! Decides the verdict of a soak. Nothing else does.

use crate::counter::Counter;
use crate::lent::Lent;
use crate::report::thousands;
use crate::stage::{Ended, Stage};
use crate::verdict::{self, Finding, Growth, Verdict, conclude};

/// The verdict is clean only if all of these counters were judged.
const NEEDED: [Counter; 4] = [
    Counter::Blocks,
    Counter::Tracked,
    Counter::References,
    Counter::Items,
];

/// Decides the verdict from the lent arguments and the last stage. `unseen` describes the planted fault with
/// an argument that was not seen, if there was one.
pub(super) fn decide(unseen: Option<&str>, lent: &Lent, stage: &Stage) -> Verdict {
    if let Some(unseen) = unseen {
        return no_trust(unseen);
    }
    if lent.is_over_released() {
        return Verdict::OverRelease;
    }
    match &stage.conclusion {
        Verdict::Leak if stage.may_still_fill => still_fills(stage),
        // More calls would not change these.
        certain @ (Verdict::Leak | Verdict::OverRelease) => certain.clone(),
        conclusion => match (too_early(stage), conclusion) {
            (Some(reason), _) => Verdict::Undecided(reason.into()),
            (None, Verdict::Clean) if is_blind(stage) => no_trust(&stage.unproven.join("; ")),
            // `Stage::compare` may have marked counters since.
            (None, Verdict::Clean) => conclude(&stage.counters),
            (None, undecided) => undecided.clone(),
        },
    }
}

fn no_trust(why: &str) -> Verdict {
    Verdict::Undecided(format!("the meter cannot be trusted: {why}"))
}

fn still_fills(stage: &Stage) -> Verdict {
    let fills = match stage.containers.first() {
        Some(container) => format!(
            "{container}, after {} calls",
            thousands(stage.warm_up + stage.calls)
        ),
        None => verdict::names(&stage.counters, Finding::Leak),
    };
    Verdict::Undecided(format!(
        "this grows: a leak, or a store that is still filling; allow more time to find out: {fills}"
    ))
}

/// Returns why the complete windows are too few for a verdict, if they are.
fn too_early(stage: &Stage) -> Option<&'static str> {
    // Windows of both lengths are enough. So are some windows in which no counter moved.
    let is_steady = |growth: &Growth| growth.finding == Finding::Steady;
    let is_compared = stage.calls > 12 * stage.shortest
        || stage.calls >= 4 * stage.shortest.max(1) && stage.counters.iter().all(is_steady);
    match stage.ended? {
        Ended::Memory => {
            Some("the soak took too much memory, and stopped before a verdict was certain")
        }
        Ended::Files => Some(
            "the process has almost reached its limit of open files, and the soak stopped before a \
             verdict was certain",
        ),
        Ended::Time if !is_compared => {
            Some("time ran out before there was anything to compare: allow more time")
        }
        Ended::Interrupted if !is_compared => {
            Some("interrupted before there was anything to compare")
        }
        _ => None,
    }
}

/// Whether a counter that is needed for a clean verdict was not judged.
fn is_blind(stage: &Stage) -> bool {
    let mut unproven = verdict::of(&stage.counters, Finding::Unproven);
    unproven.any(|growth| NEEDED.contains(&growth.counter))
}

#[cfg(test)]
mod tests {
    use super::{Ended, Lent, Stage, Verdict, decide};
    use crate::counter::Counter;
    use crate::verdict::{Finding, Growth, conclude};

    /// A stage whose shortest window has 40 calls, and in which these counters have these findings.
    fn stage(calls: u64, ended: Option<Ended>, did: &[(Counter, Finding)]) -> Stage {
        let growth = |&(counter, finding)| Growth {
            counter,
            finding,
            total: 1,
            per_call: 1.0,
        };
        let counters: Vec<_> = did.iter().map(growth).collect();
        Stage {
            shortest: 40,
            calls,
            conclusion: conclude(&counters),
            counters,
            ..Stage::empty(1100, ended)
        }
    }

    fn verdict(stage: &Stage) -> &'static str {
        decide(None, &Lent::default(), stage).name()
    }

    #[test]
    fn a_soak_that_ended_early_is_clean_only_if_its_windows_are_enough() {
        use Counter::Blocks;
        for ended in [Ended::Memory, Ended::Files, Ended::Time, Ended::Interrupted] {
            for (finding, calls, expected) in [
                (Finding::Leak, 200, "leak"),
                (Finding::Cache, 200, "none"),
                (Finding::Steady, 120, "none"),
            ] {
                let stage = stage(calls, Some(ended), &[(Blocks, finding)]);
                assert_eq!(verdict(&stage), expected, "{ended:?} {finding:?}");
            }
            let is_limit = matches!(ended, Ended::Memory | Ended::Files);
            let expected = if is_limit { "none" } else { "clean" };
            for (finding, calls) in [(Finding::Cache, 500), (Finding::Steady, 160)] {
                let stage = stage(calls, Some(ended), &[(Blocks, finding)]);
                assert_eq!(verdict(&stage), expected, "{ended:?} {finding:?}");
            }
        }
        assert_eq!(verdict(&Stage::empty(3, Some(Ended::Interrupted))), "none");
    }

    #[test]
    fn a_leak_that_may_be_a_store_still_filling_gets_no_verdict() {
        let mut stage = stage(800, None, &[(Counter::Items, Finding::Leak)]);
        assert_eq!(verdict(&stage), "leak");
        stage.may_still_fill = true;
        assert_eq!(verdict(&stage), "none");
        stage.doubt();
        let row = stage.counters.first().map(ToString::to_string);
        let expected = "items                growing: 1 item per call";
        assert_eq!(row.as_deref(), Some(expected));
    }

    #[test]
    fn clean_needs_the_counters_of_python_but_a_leak_does_not() {
        let (unproven, leak) = (Finding::Unproven, Finding::Leak);
        let blind = stage(800, None, &[(Counter::Blocks, unproven)]);
        assert_eq!(verdict(&blind), "none");
        let other = stage(800, None, &[(Counter::CHeap, unproven)]);
        assert_eq!(verdict(&other), "clean");
        let both = [(Counter::Blocks, unproven), (Counter::Files, leak)];
        assert_eq!(verdict(&stage(800, None, &both)), "leak");
    }

    #[test]
    fn a_counter_that_a_comparison_has_marked_is_not_clean() {
        let earlier = stage(800, None, &[(Counter::CHeap, Finding::Rare)]);
        let mut later = stage(800, None, &[(Counter::CHeap, Finding::Cache)]);
        assert_eq!(verdict(&later), "clean");
        later.compare(&earlier);
        assert_eq!(verdict(&later), "none");
    }

    #[test]
    fn faults_with_arguments_take_precedence_over_the_windows() {
        let clean = stage(800, None, &[]);
        let lent = Lent {
            list_released: 1,
            ..Lent::default()
        };
        assert_eq!(decide(None, &lent, &clean), Verdict::OverRelease);
        assert_eq!(decide(Some("unseen"), &lent, &clean).name(), "none");
    }
}
