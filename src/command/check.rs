//! What `fencepost doctor` has looked at: one thing, and how good it is.

/// How good something is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Told, and neither good nor bad.
    Fact,
    /// It works, but not as well as it might.
    Poor,
    /// It does not work.
    Bad,
}

impl Grade {
    /// What stands before a finding.
    pub fn word(self) -> &'static str {
        match self {
            Grade::Good => "good",
            Grade::Fact => "",
            Grade::Poor => "poor",
            Grade::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
pub struct Check {
    pub name: &'static str,
    pub grade: Grade,
    pub finding: String,
    /// What to do, in a sentence.
    pub advice: Option<String>,
}

impl Check {
    pub fn new(name: &'static str, grade: Grade, finding: impl Into<String>) -> Check {
        Check { name, grade, finding: finding.into(), advice: None }
    }

    pub fn advise(mut self, advice: impl Into<String>) -> Check {
        self.advice = Some(advice.into());
        self
    }
}
