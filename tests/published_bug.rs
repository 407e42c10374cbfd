//! A real bug, not one that was made for a test: CVE-2022-28506.
//!
//! gif2rgb of giflib 5.2.1 (Debian 12: package giflib-tools) looks up each pixel in the colour map
//! without asking whether the map is that long. A picture with a map of two colours, 6 bytes, and
//! pixels of colour 255 reads 759 bytes after it. Natively nothing shows; Valgrind too is silent
//! for this pixel, because the address lies in another live object.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::build_folder;
use support::process::{self, Exit};
use support::report::{self, Direction};

const LIMIT: Duration = Duration::from_secs(300);
const GIF2RGB: &str = "/usr/bin/gif2rgb";

const WIDTH: u8 = 4;
const HEIGHT: u8 = 4;
const COLOURS: [[u8; 3]; 2] = [[0, 0, 0], [255, 255, 255]];

/// LZW codes of 9 bits: 0 to 255 are pixels.
const CODE_BITS: usize = 9;
const CLEAR: u16 = 256;
const END: u16 = 257;

/// A picture of 4 x 4 pixels of one colour, with a global map of two colours.
fn gif_of_colour(colour: u8) -> Vec<u8> {
    let global_map_of_two = 0b1111_0000;
    let mut gif = b"GIF89a".to_vec();
    gif.extend([WIDTH, 0, HEIGHT, 0, global_map_of_two, 0, 0]);
    gif.extend(COLOURS.concat());
    gif.extend([b',', 0, 0, 0, 0, WIDTH, 0, HEIGHT, 0, 0]);

    let pixels = usize::from(WIDTH) * usize::from(HEIGHT);
    let mut codes = vec![CLEAR];
    codes.extend(vec![u16::from(colour); pixels]);
    codes.push(END);
    let data = pack_codes(&codes);
    let least_code_bits = 8;
    gif.extend([least_code_bits, u8::try_from(data.len()).expect("one block")]);
    gif.extend(data);
    gif.extend([0, b';']);
    gif
}

/// Codes follow each other without gaps, least significant bit first.
fn pack_codes(codes: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0; (codes.len() * CODE_BITS).div_ceil(8)];
    for (index, code) in codes.iter().enumerate() {
        for bit in 0..CODE_BITS {
            let at = index * CODE_BITS + bit;
            bytes[at / 8] |= u8::from(code >> bit & 1 == 1) << (at % 8);
        }
    }
    bytes
}

fn write_gif(name: &str, colour: u8) -> (PathBuf, PathBuf) {
    assert!(Path::new(GIF2RGB).exists(), "install the Debian package giflib-tools");
    let folder = build_folder("published_bug");
    let (gif, rgb) = (folder.join(format!("{name}.gif")), folder.join(format!("{name}.rgb")));
    fs::write(&gif, gif_of_colour(colour)).expect("the folder is writable");
    (gif, rgb)
}

#[test]
fn colour_map_is_read_past_its_end() {
    let (gif, rgb) = write_gif("colour-255", 255);
    let mut native = process::command(GIF2RGB);
    native.args(["-1", "-o"]).args([&rgb, &gif]);
    let native = process::run(&mut native, LIMIT).expect("gif2rgb starts");
    assert_eq!(
        (native.exit, native.stderr.as_str()),
        (Exit::Code(0), ""),
        "natively nothing shows; if gif2rgb refuses the picture, this version is fixed"
    );

    for backend in available_backends() {
        let mut command = fencepost_run(backend, [], GIF2RGB);
        command.args(["-1", "-o"]).args([&rgb, &gif]);
        let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
        let report = report::parse(&outcome.stderr)
            .unwrap_or_else(|why| panic!("on {backend}: {why}\n{}", outcome.stderr));
        assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "on {backend}");
        assert_eq!(report.kind, "heap-buffer-overflow", "on {backend}");
        let access = report.access.expect("an access");
        assert_eq!((access.direction, access.bytes), (Direction::Read, Some(1)), "on {backend}");
        assert_eq!(report.place, "located 759 bytes after 6-byte region", "on {backend}");
        let reader = &report.culprit.frames[0].text;
        assert!(reader.contains("gif2rgb+0x"), "on {backend}: {reader}");
        let maker = &report.allocated.expect("an allocation").frames[0].text;
        assert!(maker.contains("GifMakeMapObject"), "on {backend}: {maker}");
        assert!(maker.contains("libgif.so"), "on {backend}: {maker}");
    }
}

/// A picture that stays inside its map is converted as it is natively, without a word.
#[test]
fn sound_picture_is_converted() {
    let (gif, rgb) = write_gif("colour-1", 1);
    for backend in available_backends() {
        let mut command = fencepost_run(backend, [], GIF2RGB);
        command.args(["-1", "-o"]).args([&rgb, &gif]);
        let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""), "on {backend}");
        let pixels = usize::from(WIDTH) * usize::from(HEIGHT);
        assert_eq!(fs::read(&rgb).expect("written"), [255].repeat(3 * pixels), "on {backend}");
    }
}
