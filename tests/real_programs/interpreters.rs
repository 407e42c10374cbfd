//! perl, python3, tclsh, bash.

use crate::job::Job;

/// A hash of 200,000 arrays: some 800,000 live objects.
const PERL: &str = r#"
my %all;
$all{"key $_"} = [$_, $_ * 2, "value $_"] for 1 .. 200_000;
my $sum = 0;
$sum += $_->[0] + $_->[1] + length $_->[2] for values %all;
delete $all{"key $_"} for grep { $_ % 2 } 1 .. 200_000;
my @sorted = sort { $all{$a}[0] <=> $all{$b}[0] } keys %all;
(my $text = join ",", @sorted[0 .. 999]) =~ s/key (\d+)/<$1>/g;
print "$sum ", scalar(@sorted), " ", length $text, "\n";
"#;

const PYTHON: &str = r#"
import collections, json, re
records = [{"id": i, "name": "name %d" % (i * 7919 % 10007), "tags": ["t%d" % (i % k) for k in (2, 3, 5)],
            "nested": {"x": i / 3, "y": None, "z": [True, False]}} for i in range(20000)]
text = json.dumps(records, sort_keys=True)
again = json.loads(text)
assert again == records
found = re.findall(r'"name": "name (\d+)"', text)
counted = collections.Counter(tag for record in again for tag in record["tags"])
cleaned = re.sub(r'\s*"nested": \{[^}]*\},?', "", text)
print(len(text), len(found), sum(map(int, found)), sorted(counted.items()), len(cleaned))
"#;

const TCL: &str = r#"
set words {}
for {set i 0} {$i < 40000} {incr i} {
    lappend words "word[expr {$i * 7919 % 10007}]"
    dict set lengths "key$i" [string length [lindex $words end]]
}
set sorted [lsort -unique $words]
set total 0
dict for {key length} $lengths { incr total $length }
regsub -all {word(\d)} [join $sorted " "] {<\1>} text
puts "[llength $sorted] $total [string length $text]"
"#;

const BASH: &str = r#"
declare -A squares
for ((i = 0; i < 3000; i++)); do
    squares[n$i]=$((i * i))
    text+="item-$i,"
done
for name in a b c d; do
    joined+=$(printf '%s:%d ' "$name" "${#text}")
done
text=${text//item/thing}
words=(${text//,/ })
sum=0
for key in "${!squares[@]}"; do ((sum += squares[$key])); done
(cd / && sum=0 && echo "in a subshell: ${#words[@]} $sum")
echo "$sum ${words[2999]} $joined"
while read -r line; do last=$line; done < <(seq 1 2000 | sort -rn)
echo "$last" | tr 0-9 a-j
"#;

#[test]
fn perl() {
    let job = Job::new("perl", "perl", "perl").variable("PERL_HASH_SEED", "0");
    job.arguments(&["-e", PERL]).does_the_same_on_every_backend();
}

/// Without PYTHONMALLOC=malloc python would carve its objects out of large blocks of its own.
#[test]
fn python3() {
    Job::new("python3", "python3", "python3")
        .variable("PYTHONMALLOC", "malloc")
        .variable("PYTHONHASHSEED", "0")
        .arguments(&["-c", PYTHON])
        .needs_alignment()
        .does_the_same_on_every_backend();
}

#[test]
fn tclsh() {
    let job = Job::new("tclsh", "tclsh", "tcl").file("job.tcl", TCL);
    job.arguments(&["job.tcl"]).does_the_same_on_every_backend();
}

#[test]
fn bash() {
    Job::new("bash", "bash", "bash").arguments(&["-c", BASH]).does_the_same_on_every_backend();
}
