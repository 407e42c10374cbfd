//! git, openssl and xz.

use std::fmt::Write;

use crate::job::Job;

/// 300 commits to 40 files, as a stream for `git fast-import`.
fn git_history() -> String {
    let mut stream = String::new();
    for commit in 0..300_u64 {
        let message = format!("commit {commit}\n");
        let content: String = (0..commit % 50 + 5)
            .map(|line| format!("line {line} of {}\n", commit * 31 + line * line))
            .collect();
        write!(
            stream,
            "commit refs/heads/main\n\
             committer Some One <one@example.org> {date} +0000\n\
             data {message_bytes}\n{message}\
             M 644 inline folder{folder}/file{file}\n\
             data {content_bytes}\n{content}\n",
            date = 1_600_000_000 + commit * 60,
            message_bytes = message.len(),
            folder = commit % 4,
            file = commit % 40,
            content_bytes = content.len(),
        )
        .expect("writing to a string");
    }
    stream
}

const GIT: &str = "
git init --quiet --initial-branch=main repository
cd repository
git fast-import --quiet < ../history
git log --stat --format='%H %s' -- folder1 | tail -n 200
git gc --quiet --aggressive
git fsck --full --strict
git checkout --quiet -b other HEAD~50
echo more > folder1/new
git add .
git commit --quiet --message 'on another branch' --date '2020-10-01T00:00:00Z'
git merge --quiet --no-edit main
git diff --stat HEAD~1
git rev-parse HEAD
git count-objects
";

/// Text that repeats itself, but not too much: a linear congruential generator chooses words.
fn words(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write!(text, "word{} ", state >> 52).expect("writing to a string");
    }
    text.into_bytes()
}

const OPENSSL: &str = "
openssl version > /dev/null
openssl dgst -sha256 data
openssl dgst -sha3-512 data
openssl enc -aes-256-cbc -pbkdf2 -S 0102030405060708 -pass pass:secret -in data -out data.enc
openssl dgst -sha256 data.enc
openssl enc -d -aes-256-cbc -pbkdf2 -S 0102030405060708 -pass pass:secret -in data.enc | cmp - data
openssl asn1parse -genstr UTF8:text
echo same
";

const XZ: &str = "
xz -T2 --block-size=1MiB --keep data
xz --test data.xz
xz -T2 -dc data.xz | cmp - data
sha256sum < data.xz
echo same
";

#[test]
fn git() {
    // Only so that a missing git is named; the shell finds the same one.
    let _ = Job::new("git", "git", "git");
    Job::new("git", "sh", "dash")
        .file("history", git_history())
        .variable("GIT_CONFIG_GLOBAL", "/dev/null")
        .variable("GIT_CONFIG_NOSYSTEM", "1")
        .variable("GIT_AUTHOR_NAME", "Some One")
        .variable("GIT_AUTHOR_EMAIL", "one@example.org")
        .variable("GIT_COMMITTER_NAME", "Some One")
        .variable("GIT_COMMITTER_EMAIL", "one@example.org")
        .variable("GIT_COMMITTER_DATE", "2020-10-01T00:00:00Z")
        .variable("GIT_AUTHOR_DATE", "2020-10-01T00:00:00Z")
        .arguments(&["-ec", GIT])
        .does_the_same_on_every_backend();
}

#[test]
fn openssl() {
    let _ = Job::new("openssl", "openssl", "openssl");
    let job = Job::new("openssl", "sh", "dash").file("data", words(3_000_000));
    job.arguments(&["-ec", OPENSSL]).does_the_same_on_every_backend();
}

#[test]
fn xz() {
    let _ = Job::new("xz", "xz", "xz-utils");
    let job = Job::new("xz", "sh", "dash").file("data", words(4_000_000));
    job.arguments(&["-ec", XZ]).does_the_same_on_every_backend();
}
