//! More work for real programs that mostly allocate: a second set, so that nothing is fitted to the first.

use std::fmt::Write;

use crate::jobs::{Job, scaled, with_count};

pub fn all(quick: bool) -> Vec<Job> {
    vec![
        zsh(quick),
        fish(quick),
        xmllint(quick),
        tidy(quick),
        mandoc(quick),
        cmake(quick),
        cc1plus(quick),
        gdb(),
        make(quick),
        mawk(quick),
    ]
}

fn zsh(quick: bool) -> Job {
    const SCRIPT: &str = r#"
typeset -A squares
for ((i = 0; i < COUNT; i++)); do squares[n$i]=$((i * i)); words+=("item-$i"); done
sum=0
for key in ${(k)squares}; do ((sum += squares[$key])); done
for word in $words; do [[ ${word//item/thing} == thing* ]] && ((sum++)); done
print $sum ${#${(s:-:)${(j:-:)words}}}
"#;
    Job::new("zsh", "zsh", &["-fc", &with_count(SCRIPT, quick, 10_000)])
}

fn fish(quick: bool) -> Job {
    const SCRIPT: &str = r#"
for i in (seq COUNT)
    set -a words (string replace item thing "item-$i")
end
string join , $words | string length
"#;
    Job::new("fish", "fish", &["--no-config", "-c", &with_count(SCRIPT, quick, 1_500)])
}

fn xmllint(quick: bool) -> Job {
    let mut document = String::from("<sales>");
    for number in 0..scaled(quick, 60_000) {
        let (region, amount) = (number % 17, number * 31 % 997);
        write!(document, "<sale id='{number}'><region>r{region}</region>{amount}</sale>")
            .expect("writing to a string");
    }
    document.push_str("</sales>");
    let count = "count(//sale[region='r3']) + sum(//sale[@id mod 7 = 1]/text())";
    Job::new("xmllint", "libxml2-utils", &["--xpath", count, "sales.xml"])
        .file("sales.xml", document)
}

fn tidy(quick: bool) -> Job {
    let mut page = String::from("<html><title>t</title><body><table>");
    for number in 0..scaled(quick, 6_000) {
        write!(page, "<tr class=c{}><td><b>{number}<td><a href='/{number}'>x</a><p>y", number % 9)
            .expect("writing to a string");
    }
    page.push_str("</table>");
    // An exit code of 1 stands for warnings.
    let script = "tidy -quiet --show-warnings no page.html || test $? = 1";
    Job::new("tidy", "tidy", &["-c", script]).by_shell().file("page.html", page)
}

fn mandoc(quick: bool) -> Job {
    let mut page = String::from(".Dd $Mdocdate$\n.Dt BIG 1\n.Os\n.Sh NAME\n.Nm big\n.Nd large\n");
    for number in 0..scaled(quick, 9_000) {
        write!(page, ".It Fl a{number}\n.Pp\nSome words on {number}, see\n.Xr cat 1 .\n.Bl -tag\n.It Ar x\nText.\n.El\n")
            .expect("writing to a string");
    }
    Job::new("mandoc", "mandoc", &["-Thtml", "-Wfatal", "page.1"]).file("page.1", page)
}

fn cmake(quick: bool) -> Job {
    const SCRIPT: &str = r#"
foreach(i RANGE COUNT)
  string(MD5 sum "text ${i}")
  list(APPEND all "${sum}")
  string(REGEX REPLACE "[0-9]" "x" changed "${sum}")
  set(last${i} "${changed}")
endforeach()
list(SORT all)
list(LENGTH all length)
message(STATUS "${length} ${last7}")
"#;
    Job::new("cmake", "cmake", &["-P", "job.cmake"])
        .file("job.cmake", with_count(SCRIPT, quick, 4_000))
}

fn cc1plus(quick: bool) -> Job {
    let mut source =
        String::from("#include <map>\n#include <string>\n#include <vector>\n#include <regex>\n");
    for number in 0..scaled(quick, 20) {
        write!(
            source,
            "struct s{number} {{ int value; }};\nstd::map<std::string, std::vector<s{number}>> all{number};\n\
             void add{number}(const std::string &key, int value) {{ all{number}[key].push_back({{value}}); }}\n"
        )
        .expect("writing to a string");
    }
    Job::new("g++", "g++", &["-O0", "-S", "-o", "-", "job.cpp"]).file("job.cpp", source)
}

fn gdb() -> Job {
    let library = "/lib/x86_64-linux-gnu/libstdc++.so.6";
    let commands = ["-nx", "-batch", "-ex", "info functions str", library];
    Job::new("gdb", "gdb", &commands)
}

fn make(quick: bool) -> Job {
    let mut file = String::from("all:\n");
    for number in 0..scaled(quick, 20_000) {
        write!(
            file,
            "v{number} := $(subst a,b,a{number} $(patsubst %.c,%.o,x.c y{number}.c))\nall: t{number}\nt{number}:\n"
        )
        .expect("writing to a string");
    }
    file.push_str("all: ; @echo done\n");
    Job::new("make", "make", &["--silent", "--file=job.mk"]).file("job.mk", file)
}

fn mawk(quick: bool) -> Job {
    const SCRIPT: &str = r#"
BEGIN {
    for (i = 0; i < COUNT; i++) { all["key" i] = "value " i * 7919 % 10007; n += split(all["key" i], parts, " ") }
    for (key in all) { sub(/value/, "changed", all[key]); length_of_all += length(all[key] key) }
    print n, length_of_all
}
"#;
    Job::new("mawk", "mawk", &[&with_count(SCRIPT, quick, 150_000)])
}
