//! Judges the windows of a stage: which objects moved, their names, and whether their growth is allowed.

use crate::allow;
use crate::blame::{Blame, Name};
use crate::counter::Counter;
use crate::member::Moved;
use crate::meter::{Meter, Unproven};
use crate::stage::{Ended, Stage, Store, Windows};
use crate::verdict::{Finding, Verdict, per_call};
use pyoutliers::Result;
use pyoutliers::with_python;

/// The most objects and containers that are named, the most of which the hidden ones are left out, and the most that
/// are matched with patterns.
pub(super) const MOST_NAMED: usize = 8;
const MOST_IDENTIFIED: usize = 24;
const MOST_MATCHED: usize = 500;
/// A function that keeps a new object less often than once in this many calls fills no store.
const KEPT_RARELY: i64 = 50;

/// Judges stages.
pub(super) struct Judge<'a> {
    pub meter: &'a Meter,
    pub blame: &'a Blame,
    /// The patterns of allowed growth.
    pub allowed: &'a [String],
}

impl Judge<'_> {
    /// Judges the windows of a stage, names what moved, and sets allowed growth aside. `unproven` has the
    /// counters that do not work. Shared memory may be added.
    pub fn judge(
        &self,
        windows: &Windows,
        unproven: &mut Vec<Unproven>,
        ended: Option<Ended>,
    ) -> Result<Stage> {
        let mut moved = with_python(|py| self.meter.universe.judge(py, &self.meter.finder))?;
        let names = self.names(&moved);
        self.allow(&mut moved, &names);
        let mut stage = Stage::new(windows, &moved, unproven, ended);
        if stage.leaks(Counter::SharedMemory) && self.meter.is_shared_memory_others() {
            let others = "grows without calls: other processes create segments";
            unproven.push((Counter::SharedMemory, others.into()));
            stage = Stage::new(windows, &moved, unproven, ended);
        }
        name_what_moved(&mut stage, &moved, &names);
        if !stage.unproven.is_empty() {
            stage.unproven.extend(self.meter.disturbers()?);
        }
        stage.store = self.store(&stage, &moved)?;
        Ok(stage)
    }

    /// The names of the first objects that moved, or of more of them if patterns must be matched.
    fn names(&self, moved: &[Moved]) -> Vec<Name> {
        let most = if self.allowed.is_empty() {
            MOST_IDENTIFIED
        } else {
            MOST_MATCHED
        };
        self.blame.names(moved.get(..most).unwrap_or(moved))
    }

    fn allow(&self, moved: &mut [Moved], names: &[Name]) {
        for (moved, name) in moved.iter_mut().zip(names) {
            let is_type = moved.counter == Counter::Types;
            let is_allowed = self.allowed.iter().any(|pattern| {
                let mut texts = name.texts().into_iter();
                is_type && pattern == "types" || texts.any(|text| allow::matches(pattern, text))
            });
            if moved.finding == Finding::Leak && is_allowed {
                moved.finding = Finding::Allowed;
            }
        }
    }

    /// Looks for the signs that a store may be filling.
    fn store(&self, stage: &Stage, moved: &[Moved]) -> Result<Store> {
        let is_growing = |moved: &&Moved| moved.finding == Finding::Leak && moved.are_objects;
        let growing = moved.iter().filter(is_growing);
        let largest = growing.max_by_key(|moved| moved.items);
        let is_bounded =
            with_python(|py| Ok(largest.is_some_and(|largest| largest.is_bounded(py))))?;
        let entries = match stage.conclusion {
            Verdict::Leak => self.entries(stage, moved)?,
            _ => None,
        };
        Ok(Store {
            is_kept: entries.is_some(),
            entries: per_call(entries.unwrap_or_default(), stage.calls),
            most_items: largest.map_or(0, |largest| largest.items),
            is_bounded,
        })
    }

    /// How many entries a store has gained, if older objects lead to the memory that grows: the store may
    /// still be filling.
    fn entries(&self, stage: &Stage, moved: &[Moved]) -> Result<Option<i64>> {
        const MEMORY: [Counter; 4] = [
            Counter::Blocks,
            Counter::Tracked,
            Counter::CHeap,
            Counter::RustHeap,
        ];
        let leaking = moved
            .iter()
            .filter(|moved| moved.counter == Counter::Items && moved.finding == Finding::Leak);
        // Several containers may share the entries, or each may have all of them.
        let entries = leaking.map(Moved::entries);
        let (sum, most) = (entries.clone().sum::<i64>(), entries.max());
        let entries = most.map(|most| most.max(sum / 2));
        if entries.is_some() || !MEMORY.iter().any(|&counter| stage.leaks(counter)) {
            return Ok(entries);
        }
        with_python(|py| {
            let universe = &self.meter.universe;
            let kept = universe.kept(py, &self.meter.finder)?;
            if i64::try_from(kept).unwrap_or(i64::MAX) < stage.calls.cast_signed() / KEPT_RARELY {
                return Ok(None);
            }
            // An entry may have many objects, but its owner refers to it once.
            let keeper = universe.keeper(py, &self.meter.finder)?;
            Ok(Some(keeper.map_or(0, |keeper| keeper.total)))
        })
    }

    /// Names the object that refers to most of what grows, if no container does.
    pub fn name_keeper(&self, stage: &mut Stage) -> Result<()> {
        if stage.containers.is_empty() {
            let keeper = with_python(|py| self.meter.universe.keeper(py, &self.meter.finder))?;
            let names = self.blame.names(keeper.as_slice());
            let named = names
                .iter()
                .zip(&keeper)
                .filter(|(name, _)| !name.is_hidden())
                .map(|(name, keeper)| name.container(keeper));
            stage.containers.extend(named);
        }
        Ok(())
    }
}

fn name_what_moved(stage: &mut Stage, moved: &[Moved], names: &[Name]) {
    for (moved, name) in moved
        .iter()
        .zip(names)
        .filter(|(_, name)| !name.is_hidden())
    {
        let reference = || name.reference(moved, stage.calls);
        match (moved.finding, moved.counter) {
            (Finding::Allowed, Counter::Items) => stage.allowed.push(name.container(moved)),
            (Finding::Allowed, _) => stage.allowed.push(reference().to_string()),
            (_, Counter::Items) => {
                stage.containers.push(name.container(moved));
                stage.items.push(reference());
            }
            _ => stage.references.push(reference()),
        }
    }
    stage.references.truncate(MOST_NAMED);
    stage.containers.truncate(MOST_NAMED);
    stage.items.truncate(MOST_NAMED);
}
