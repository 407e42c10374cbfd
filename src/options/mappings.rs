//! The type of the option about the program's own mappings.

use super::word_set::word_set;

word_set! {
    /// What is done about the program's own mappings.
    MappingsChoice {
        /// reports tell who made, protected and unmapped them
        RECORD = "record", 0;
        /// besides, each has a guard behind, and the place of one that is unmapped is not used again
        GUARD = "guard", 1;
        /// as guard, with another guard before each
        GUARD_BOTH = "guard-both", 2;
        /// calls that are suspicious but may be right are reported, and the program goes on
        CHECK = "check", 3;
    }
}

impl MappingsChoice {
    /// Whether they have guards.
    pub fn guards(self) -> bool {
        self.has(MappingsChoice::GUARD) || self.guards_both()
    }

    /// Whether they have guards on both sides.
    pub fn guards_both(self) -> bool {
        self.has(MappingsChoice::GUARD_BOTH)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Form, value::Value};
    use super::*;

    #[test]
    fn what_is_done_may_be_combined() {
        let read = |text| MappingsChoice::read(text, &Form::Words(MappingsChoice::WORDS));
        assert_eq!(read("record"), Some(MappingsChoice::RECORD));
        let both = read("check,guard").unwrap();
        assert!(both.guards() && both.has(MappingsChoice::CHECK) && !both.guards_both());
        assert!(read("guard-both").unwrap().guards());
        assert_eq!((read("guards"), read("none")), (None, Some(MappingsChoice::NONE)));
    }
}
