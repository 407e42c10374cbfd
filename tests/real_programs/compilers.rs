//! gcc, and a C++ program of our own.

use std::fmt::Write;
use std::path::Path;

use crate::job::Job;
use crate::support::compile::{build_folder, build_program};

/// 300 functions with loops, structs and switches.
fn c_source() -> String {
    let mut source = String::from("struct pair { int first; long second; };\n");
    for number in 0..300 {
        write!(
            source,
            "static long step{number}(struct pair *p, int n)\n{{\n    long sum = {number};\n    \
             for (int i = 0; i < n; i++) {{\n        switch ((p->first + i) % 5) {{\n        \
             case 0: sum += p->second * {number}; break;\n        case 1: sum ^= i << {shift}; break;\n        \
             case 2: p->first = (int)sum; break;\n        default: sum -= p[i % 3].second;\n        \
             }}\n    }}\n    return sum;\n}}\n",
            shift = number % 13,
        )
        .expect("writing to a string");
    }
    source.push_str("long all(struct pair *p, int n)\n{\n    long sum = 0;\n");
    for number in 0..300 {
        writeln!(source, "    sum += step{number}(p, n);").expect("writing to a string");
    }
    source + "    return sum;\n}\n"
}

/// The driver starts cc1, which does the work: children inherit the library.
#[test]
fn gcc() {
    let job = Job::new("gcc", "gcc", "gcc").file("generated.c", c_source());
    let arguments = ["-std=c11", "-O2", "-S", "-o", "-", "generated.c"];
    job.arguments(&arguments).does_the_same_on_every_backend();
}

#[test]
fn cpp_program() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_programs/tasks.cpp");
    let program = build_folder("cpp_program").join("tasks");
    let flags = ["-std=c++17".to_owned(), "-O2".to_owned()];
    build_program(&source, &program, &flags, &[]).expect("it compiles; Debian package g++");
    let program = program.to_str().expect("a path in UTF-8");
    Job::new("cpp", program, "g++").does_the_same_on_every_backend();
}
