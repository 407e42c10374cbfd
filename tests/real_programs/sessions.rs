//! man, a test run of pytest, gdb with a program that inherits the library, a session of sshd, haproxy and pdflatex.

use crate::job::{Job, is_installed};
use crate::support;
use crate::support::compile::{build_folder, build_program};

const PAGE: &str = r#".TH PAGE 7 2026-01-01
.SH NAME
page \- a page
.SH DESCRIPTION
.B Bold
and
.I italic
words.
"#;

#[test]
fn man() {
    Job::new("man", "man", "man-db")
        .file("page.7", PAGE)
        .variable("MANWIDTH", "80")
        .variable("MANPAGER", "cat")
        .arguments(&["-l", "page.7"])
        .does_the_same_on_every_backend();
}

const PYTHON_TESTS: &str = r#"
import subprocess, sys

def test_descriptors_are_captured(capfd):
    print("hello")
    subprocess.run(["sh", "-c", "echo error >&2"])
    assert capfd.readouterr() == ("hello\n", "error\n")

def test_a_failure_shows_what_was_captured():
    print("captured", file=sys.stderr)
    assert [i * i for i in range(4)] == [0, 1, 4, 8]
"#;

const PYTEST: &str = "
pytest-3 -q -p no:cacheprovider test_capture.py > output && echo passed || echo failed
sed 's/ in [0-9.]*s//' output
";

#[test]
fn pytest() {
    let _ = Job::new("pytest", "pytest-3", "python3-pytest");
    Job::new("pytest", "sh", "dash")
        .file("test_capture.py", PYTHON_TESTS)
        .arguments(&["-ec", PYTEST])
        .in_one_placement()
        .does_the_same_on_every_backend();
}

const DEBUGGED: &str = r#"
#include <stdio.h>
#include <stdlib.h>

static int show_arguments(const char *text)
{
    return printf("%s\n", text);
}

int main(int argc, char **argv)
{
    char *text = malloc(40);
    snprintf(text, 40, "%d arguments, the last %s", argc - 1, argv[argc - 1]);
    int printed = show_arguments(text);
    free(text);
    return printed;
}
"#;

/// The fault signals have to be let through, as docs/debugging.md says: the library tries its guards at the start.
const GDB: &str = "
gdb -q -nx -batch -ex 'set startup-with-shell off' -ex 'handle SIGSEGV SIGBUS nostop noprint pass' \
    -ex 'break show_arguments' -ex 'run one two' -ex backtrace -ex finish -ex continue \"$0\" |
    grep -v -e 'Thread debugging' -e 'host libthread_db' |
    sed -e 's/process [0-9]*/process N/' -e 's/0x[0-9a-f]*/ADDRESS/g'
";

#[test]
fn gdb() {
    let _ = Job::new("gdb", "gdb", "gdb");
    let folder = build_folder("real_programs");
    let (source, program) = (folder.join("debugged.c"), folder.join("debugged"));
    std::fs::write(&source, DEBUGGED).expect("the folder is writable");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    Job::new("gdb", "sh", "dash")
        .arguments(&["-ec", GDB, program.to_str().expect("plain")])
        .in_one_placement()
        .does_the_same_on_every_backend();
}

/// A server that sandboxes itself and executes itself anew for each client, and a client.
const SSH: &str = r#"
ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
mkdir -p /run/sshd
cat > config << END
ListenAddress 127.0.0.1
HostKey "$PWD/host_key"
AuthorizedKeysFile "$PWD/user_key.pub"
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
END
: > log
is_listening() { grep -q 'Server listening' log; }
for attempt in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    /usr/sbin/sshd -D -e -f "$PWD/config" -p $port 2> log &
    server=$!
    until is_listening || ! kill -0 $server 2> /dev/null; do sleep 0.02; done
    ! is_listening || break
done
ssh -F /dev/null -p $port -i user_key -o BatchMode=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1 'echo in the session; id -un; exit 7' \
    || echo "exit code $?"
kill $server
wait $server || true
grep 'ERROR: Fencepost' log || true
"#;

#[test]
fn sshd() {
    // SAFETY: a plain system call.
    if unsafe { libc::geteuid() } != 0 {
        return support::say_skipped("only root can start sshd and log in through it");
    }
    let _ = Job::new("sshd", "/usr/sbin/sshd", "openssh-server");
    Job::new("sshd", "sh", "dash")
        .arguments(&["-ec", SSH])
        .in_one_placement()
        .does_the_same_on_every_backend();
}

const HAPROXY_CONFIG: &str = r#"
defaults
    mode http
    timeout client 300s
    timeout connect 300s
    timeout server 300s
frontend all
    bind unix@socket
    acl is_root path /
    http-request set-header X-Made-Up %[path,sha2(256),hex]
    http-request return status 200 content-type text/plain lf-string "made up: %[req.hdr(X-Made-Up)]\n" if is_root
    http-request return status 404 content-type text/plain string "nothing here\n"
"#;

const HAPROXY: &str = r#"
/usr/sbin/haproxy -D -f config -p pid
python3 -S - << 'END'
import socket
for path in ("", "other"):
    client = socket.socket(socket.AF_UNIX)
    client.connect("socket")
    client.sendall(b"GET /%s HTTP/1.0\r\n\r\n" % path.encode())
    answer = b""
    while part := client.recv(4096):
        answer += part
    print(answer.decode())
END
kill $(cat pid)
while kill -0 $(cat pid) 2> /dev/null; do sleep 0.02; done
"#;

#[test]
fn haproxy() {
    let _ = Job::new("haproxy", "/usr/sbin/haproxy", "haproxy");
    Job::new("haproxy", "sh", "dash")
        .file("config", HAPROXY_CONFIG)
        .arguments(&["-ec", HAPROXY])
        .in_one_placement()
        .does_the_same_on_every_backend();
}

const DOCUMENT: &str = r"
\documentclass{article}
\pdftrailerid{}
\begin{document}
\section{One}
Words, $\int_0^1 x^2\,dx = \frac13$, and a table:
\begin{tabular}{ll} one & two \\ three & four \end{tabular}
\end{document}
";

#[test]
fn pdflatex() {
    if !is_installed("pdflatex") {
        return support::say_skipped(
            "pdflatex is not installed (Debian package texlive-latex-base)",
        );
    }
    Job::new("pdflatex", "sh", "dash")
        .file("page.tex", DOCUMENT)
        .variable("SOURCE_DATE_EPOCH", "0")
        .arguments(&["-ec", "pdflatex -interaction=batchmode page.tex; sha256sum page.pdf"])
        .in_one_placement()
        .does_the_same_on_every_backend();
}
