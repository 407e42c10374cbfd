//! The readers of leaks on invented reports and logs.

use crate::support::leaks::*;
use std::collections::BTreeMap;

const SOURCE: &str = "int main(void)\n{\n    malloc(16); // <- leak: definite 16 bytes in 1 (+ 30 in 2), \
    indirect 30 bytes in 2\n}\n";

#[test]
fn a_report_and_a_log_say_what_the_program_says() {
    let ours = "\
==7==ERROR: Fencepost: leak
16 bytes in 1 object are definitely lost (+ 30 bytes in 2 objects indirectly), allocated here by thread T0:
    #0 0x1 in main /src/a.c:3:5 (a+0x1)

30 bytes in 2 objects are lost with them, allocated here by thread T0:
    #0 0x1 in f (libx.so+0x1)
    #1 0x1 in main /src/a.c:3:7 (a+0x1)

==7== LEAK SUMMARY:
==7==    definitely lost: 16 bytes in 1 object
==7==    indirectly lost: 30 bytes in 2 objects
==7==      possibly lost: 0 bytes in 0 objects
==7==    still reachable: 0 bytes in 0 objects
";
    let theirs = "\
==7== 30 bytes in 2 blocks are indirectly lost in loss record 1 of 2
==7==    at 0x1: malloc (in /x/vgpreload.so)
==7==    by 0x1: main (a.c:3)
==7==\x20
==7== 46 (16 direct, 30 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 2
==7==    at 0x1: malloc (in /x/vgpreload.so)
==7==    by 0x1: main (a.c:3)
==7==\x20
==7== LEAK SUMMARY:
==7==    definitely lost: 16 bytes in 1 blocks
==7==    indirectly lost: 30 bytes in 2 blocks
==7==      possibly lost: 0 bytes in 0 blocks
==7==    still reachable: 0 bytes in 0 blocks
";
    let leaks = read(&[], SOURCE).unwrap();
    let told = of_fencepost(ours, "a.c");
    assert_eq!(leaks.differences(&told), Vec::<String>::new());
    let mut memcheck = Told::default();
    add_memcheck(&mut memcheck, theirs, "a.c");
    assert_eq!(memcheck, told);
}

#[test]
fn other_numbers_places_and_classes_are_differences() {
    let leaks = read(&[], SOURCE).unwrap();
    let told = Told::default();
    assert_eq!(leaks.differences(&told).len(), 3, "no summary, two lines");
    let mut told = Told { totals: Some(BTreeMap::new()), ..Told::default() };
    told.records.insert((Class::Possible, 3), Record::default());
    assert_eq!(leaks.differences(&told).len(), 5);
    assert!(read(&[], "x // <- leak: lost 1 bytes in 1").is_err());
    assert!(read(&[("expect-told", "lost")], "").is_err());
}
