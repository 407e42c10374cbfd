//! A picture of an object, its surroundings and the access. It is to scale if everything can be seen then.

use std::fmt::Write;

use fencepost::finding::{Direction, Finding, Object, ObjectState, Side};

use super::escape::escape;
use crate::command::format::sentence::counted;

const PAGE_BYTES: i128 = 4096;
const WIDTH: f64 = 720.0;
const LEFT: f64 = 20.0;
const BAND_TOP: f64 = 30.0;
const BAND_HEIGHT: f64 = 44.0;
/// Least width of a part.
const LEAST: f64 = 12.0;
/// Width of a part that is cut.
const CUT: f64 = 130.0;
/// Width of one character of a label.
const GLYPH: f64 = 7.2;

/// What an address belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Region {
    Object,
    Freed,
    Slack,
    Guard,
    /// Other pages, about which the finding says nothing.
    Beyond,
}

impl Region {
    fn class(self) -> &'static str {
        match self {
            Region::Object => "object",
            Region::Freed => "freed",
            Region::Slack => "slack",
            Region::Guard => "guard",
            Region::Beyond => "beyond",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Region::Object => "object",
            Region::Freed => "freed object",
            Region::Slack => "slack",
            Region::Guard => "guard page",
            Region::Beyond => "other pages",
        }
    }
}

/// A range of offsets from the start of the object, in bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i128,
    to: i128,
}

struct Scene<'a> {
    object: &'a Object,
    size: i128,
    /// The pages that the object touches.
    pages: Span,
    bad: Span,
    bad_name: String,
    is_damage: bool,
    /// Whether the access faulted outside the object's pages, so that there must be a guard page.
    has_trapped: bool,
}

impl<'a> Scene<'a> {
    fn new(finding: &'a Finding) -> Option<Scene<'a>> {
        // An object that no process can have is not drawn.
        const LARGEST: i128 = 1 << 47;
        let object = finding.object.as_ref()?;
        let (start, size) = (i128::from(object.start.0), i128::from(object.bytes));
        if object.state == ObjectState::Forgotten || start + size > LARGEST {
            return None;
        }
        let pages = Span {
            from: -(start % PAGE_BYTES),
            to: (start + size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES - start,
        };
        let span = |at: u64, bytes: u64| {
            let from = i128::from(at) - start;
            Span { from, to: from + i128::from(bytes) }
        };
        let (bad, bad_name) = if let Some(damage) = &finding.damage {
            let were = format!("{} overwritten", counted(damage.span, "byte"));
            (span(damage.start.0, damage.span.max(1)), were)
        } else if let Some(access) = finding.access {
            let name = match access.direction {
                Direction::Read => "read",
                Direction::Write => "write",
                Direction::Execute => "jump",
            };
            let bytes = access.bytes.map(|bytes| format!(" of {}", counted(bytes, "byte")));
            let name = format!("{name}{}", bytes.unwrap_or_default());
            (span(access.start.0, access.bytes.unwrap_or(1).max(1)), name)
        } else {
            (span(finding.address?.0, 1), "address given".to_owned())
        };
        if bad.from < -start || bad.to > LARGEST {
            return None;
        }
        let first_bad = match object.side {
            Side::Before => -i128::from(object.distance),
            Side::Inside => i128::from(object.distance),
            Side::After => size + i128::from(object.distance),
        };
        let has_trapped = finding.access.is_some()
            && finding.damage.is_none()
            && !finding.late
            && finding.explanation.is_none()
            && (first_bad < pages.from || first_bad >= pages.to);
        let is_damage = finding.damage.is_some();
        Some(Scene { object, size, pages, bad, bad_name, is_damage, has_trapped })
    }

    fn region(&self, at: i128) -> Region {
        let Span { from, to } = self.pages;
        let is_bad_side = if at < from { self.bad.from < from } else { self.bad.to > to };
        let is_near = at >= from - PAGE_BYTES && at < to + PAGE_BYTES;
        match at {
            _ if (0..self.size).contains(&at) && self.object.state == ObjectState::Live => {
                Region::Object
            }
            _ if (0..self.size).contains(&at) => Region::Freed,
            _ if (from..to).contains(&at) => Region::Slack,
            _ if self.has_trapped && is_bad_side && is_near => Region::Guard,
            _ => Region::Beyond,
        }
    }

    /// Offsets where parts begin or end, in order.
    fn edges(&self) -> Vec<i128> {
        let Span { from, to } = self.pages;
        let mut edges = vec![0, self.size, from, to, self.bad.from, self.bad.to];
        // Beside the object's pages, a part of a page is shown, or the whole guard page if the access is there.
        let outside = |is_bad_side: bool| if is_bad_side { PAGE_BYTES } else { PAGE_BYTES / 8 };
        edges.push(from - outside(self.bad.from < from));
        edges.push(to + outside(self.bad.to > to));
        if self.bad.from < from - PAGE_BYTES {
            edges.push(self.bad.from - PAGE_BYTES / 8);
        }
        if self.bad.to > to + PAGE_BYTES {
            edges.push(self.bad.to + PAGE_BYTES / 8);
        }
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

/// Where each offset is drawn.
struct Scale {
    /// Offsets, and where they are drawn.
    points: Vec<(i128, f64)>,
    /// Indexes of the parts that are drawn shorter than the others.
    cut: Vec<usize>,
    /// Whether all bytes of the other parts are equally wide.
    is_true: bool,
}

/// About the binary logarithm of `length` bytes and two: linear between powers of two. The exact one would have every start
/// of the command load the library of mathematics.
fn magnitude(length: f64) -> f64 {
    let bytes = length as u64 + 2;
    let exponent = bytes.ilog2();
    f64::from(exponent) + bytes as f64 / (1_u64 << exponent) as f64 - 1.0
}

impl Scale {
    /// Makes a scale for the parts between `edges`. A part for which `may_be_cut` holds is cut if it is longer than all
    /// parts that must not be cut.
    fn new(edges: &[i128], may_be_cut: impl Fn(i128) -> bool) -> Scale {
        let lengths: Vec<f64> = edges.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let parts = || lengths.iter().copied().enumerate();
        let near: f64 = parts().filter(|(part, _)| !may_be_cut(edges[*part])).map(|it| it.1).sum();
        let is_cut = |part: usize, length: f64| may_be_cut(edges[part]) && length > near.max(16.0);
        let cut: Vec<usize> = parts().filter(|it| is_cut(it.0, it.1)).map(|it| it.0).collect();
        let whole: f64 = parts().filter(|it| !cut.contains(&it.0)).map(|it| it.1).sum();
        let room = WIDTH - CUT * cut.len() as f64;
        let linear = |(part, length): (usize, f64)| {
            if cut.contains(&part) { CUT } else { length / whole.max(1.0) * room }
        };
        let is_true = parts().all(|it| linear(it) >= LEAST);
        let widths: Vec<f64> = if is_true {
            parts().map(linear).collect()
        } else {
            let weights: Vec<f64> = lengths.iter().map(|&length| magnitude(length)).collect();
            let (sum, least): (f64, f64) = (weights.iter().sum(), 2.0 * LEAST);
            let spare = (WIDTH - least * weights.len() as f64).max(0.0);
            weights.iter().map(|weight| least + weight / sum * spare).collect()
        };
        let mut x = LEFT;
        let mut points = vec![(edges[0], x)];
        for (edge, width) in edges[1..].iter().zip(widths) {
            x += width;
            points.push((*edge, x));
        }
        Scale { points, cut: if is_true { cut } else { Vec::new() }, is_true }
    }

    /// Where an edge is drawn.
    fn x(&self, edge: i128) -> f64 {
        let at = self.points.partition_point(|(known, _)| *known < edge);
        self.points.get(at).or(self.points.last()).map_or(LEFT, |(_, x)| *x)
    }

    fn caption(&self) -> &'static str {
        match (self.is_true, self.cut.is_empty()) {
            (true, true) => "To scale.",
            (true, false) => "To scale, but for the parts with a jagged line, which are longer.",
            (false, _) => "Not to scale: long parts are shortened.",
        }
    }
}

/// The figure, if the finding has an object and an address near it.
pub fn figure(finding: &Finding) -> Option<String> {
    let scene = Scene::new(finding)?;
    let edges = scene.edges();
    let scale = Scale::new(&edges, |at| {
        let is_object = matches!(scene.region(at), Region::Object | Region::Freed);
        !is_object && !(scene.bad.from..scene.bad.to).contains(&at)
    });
    let height = BAND_TOP + BAND_HEIGHT + 40.0;
    let label = escape(&describe(&scene));
    let mut svg = format!(
        "<figure class=\"picture\"><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Picture of the object\">\
         <svg viewBox=\"0 0 {} {height}\" role=\"img\" aria-label=\"{label}\">",
        WIDTH + 2.0 * LEFT
    );
    let stretches = stretches(&scene, &edges);
    draw_band(&stretches, &scale, &mut svg);
    draw_bad(&scene, &scale, &mut svg);
    draw_names(&stretches, &scale, &mut svg);
    draw_edges(&scene, &scale, &mut svg);
    svg += "</svg></div><figcaption><ul class=\"legend\">";
    let mut told: Vec<Region> = Vec::new();
    for (region, _) in stretches {
        if told.contains(&region) {
            continue;
        }
        told.push(region);
        let (class, name) = (region.class(), region.name());
        let _ = write!(svg, "<li><span class=\"key {class}\">\u{a0}</span>{name}</li>");
    }
    let bad = if scene.is_damage { "changed bytes" } else { "the access" };
    let _ = write!(svg, "<li><span class=\"key bad\">\u{a0}</span>{bad}</li></ul><p>");
    svg += scale.caption();
    svg += " Offsets are from the start of the object.";
    svg += "</p></figcaption></figure>";
    Some(svg)
}

/// Neighbouring parts of the same region.
fn stretches(scene: &Scene, edges: &[i128]) -> Vec<(Region, Span)> {
    let mut stretches: Vec<(Region, Span)> = Vec::new();
    for pair in edges.windows(2) {
        let region = scene.region(pair[0]);
        match stretches.last_mut() {
            Some((last, span)) if *last == region => span.to = pair[1],
            _ => stretches.push((region, Span { from: pair[0], to: pair[1] })),
        }
    }
    stretches
}

fn draw_band(stretches: &[(Region, Span)], scale: &Scale, svg: &mut String) {
    for (region, Span { from, to }) in stretches {
        let (x, width) = (scale.x(*from), scale.x(*to) - scale.x(*from));
        let _ = write!(
            svg,
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{BAND_TOP}\" width=\"{width:.1}\" height=\"{BAND_HEIGHT}\"/>",
            region.class()
        );
    }
    for part in &scale.cut {
        // On the side away from the object, where there is no text.
        let (from, to) = (scale.points[*part].1, scale.points[*part + 1].1);
        let x = if scale.points[*part].0 < 0 { from + 12.0 } else { to - 12.0 };
        let top = BAND_TOP - 2.0;
        let _ =
            write!(svg, "<path class=\"cut\" d=\"M{x:.1} {top}l-5 8l10 8l-10 8l10 8l-10 8l5 8\"/>");
    }
}

/// Labels with name and length of each stretch, where there is room.
fn draw_names(stretches: &[(Region, Span)], scale: &Scale, svg: &mut String) {
    for (region, Span { from, to }) in stretches {
        let (x, width) = (scale.x(*from), scale.x(*to) - scale.x(*from));
        let bytes = match region {
            Region::Beyond => String::new(),
            _ => counted((to - from) as u64, "byte"),
        };
        let middle = x + width / 2.0;
        for (row, text) in [(0.0, region.name()), (16.0, bytes.as_str())] {
            if !text.is_empty() && text.len() as f64 * GLYPH + 8.0 < width {
                let y = BAND_TOP + BAND_HEIGHT / 2.0 - 3.0 + row;
                // The name is drawn twice: first as a rim, so that it can be read on patterns.
                for class in ["rim", "name"] {
                    let _ = write!(
                        svg,
                        "<text class=\"{class}\" x=\"{middle:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>"
                    );
                }
            }
        }
    }
}

/// Draws the bad bytes, and a line that names them.
fn draw_bad(scene: &Scene, scale: &Scale, svg: &mut String) {
    let (x, end) = (scale.x(scene.bad.from), scale.x(scene.bad.to));
    let (top, height) = (BAND_TOP - 4.0, BAND_HEIGHT + 8.0);
    let width = end - x;
    let _ = write!(
        svg,
        "<rect class=\"bad\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\" rx=\"3\"/>"
    );
    let text = format!("{} at offset {}", scene.bad_name, signed(scene.bad.from));
    let half = text.len() as f64 * GLYPH / 2.0;
    let middle = (x + width / 2.0).clamp(LEFT + half, (LEFT + WIDTH - half).max(LEFT + half));
    let (stem, y) = (BAND_TOP + BAND_HEIGHT + 4.0, BAND_TOP + BAND_HEIGHT + 30.0);
    let _ = write!(
        svg,
        "<path class=\"stem\" d=\"M{0:.1} {stem}v10\"/><text class=\"bad-name\" x=\"{middle:.1}\" y=\"{y}\" \
         text-anchor=\"middle\">{1}</text>",
        x + width / 2.0,
        escape(&text)
    );
}

/// Labels with offsets above the band, where there is room: those of the object first, then those of its pages.
fn draw_edges(scene: &Scene, scale: &Scale, svg: &mut String) {
    let mut taken: Vec<Span> = Vec::new();
    for edge in [0, scene.size, scene.pages.from, scene.pages.to] {
        let x = scale.x(edge);
        let text = match edge {
            0 => "0".to_owned(),
            edge => signed(edge),
        };
        let half = (text.len() as f64 * GLYPH / 2.0 + 4.0) as i128;
        let span = Span { from: x as i128 - half, to: x as i128 + half };
        let is_page = edge == scene.pages.from || edge == scene.pages.to;
        let class = if is_page { "edge page" } else { "edge" };
        let top = BAND_TOP - if is_page { 8.0 } else { 4.0 };
        let bottom = BAND_TOP + BAND_HEIGHT;
        let _ = write!(svg, "<path class=\"{class}\" d=\"M{x:.1} {top}V{bottom}\"/>");
        if taken.iter().all(|other| other.to <= span.from || span.to <= other.from) {
            let y = BAND_TOP - 12.0;
            let _ = write!(
                svg,
                "<text class=\"offset\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>"
            );
            taken.push(span);
        }
    }
}

fn signed(offset: i128) -> String {
    match offset {
        0 => "0".to_owned(),
        offset if offset > 0 => format!("+{offset}"),
        offset => format!("\u{2212}{}", -offset),
    }
}

fn describe(scene: &Scene) -> String {
    let state =
        if scene.object.state == ObjectState::Live { "An object" } else { "A freed object" };
    format!(
        "{state} of {}, from offset 0 to {}; its pages reach from {} to {}. {} at offset {}.",
        counted(scene.size as u64, "byte"),
        signed(scene.size),
        signed(scene.pages.from),
        signed(scene.pages.to),
        scene.bad_name,
        signed(scene.bad.from)
    )
}

/// Bytes of memory, sixteen in a row; each is marked with what it belongs to.
pub fn memory(finding: &Finding) -> Option<String> {
    let memory = finding.memory.as_ref()?;
    let digits: Vec<&str> = memory
        .bytes
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| std::str::from_utf8(pair).ok().filter(|pair| is_byte(pair)))
        .collect::<Option<Vec<&str>>>()?;
    if digits.is_empty() || digits.len() > 1024 {
        return None;
    }
    let scene = Scene::new(finding);
    let start = scene.as_ref().map_or(0, |scene| i128::from(scene.object.start.0));
    let mut html = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Bytes in memory\"><table class=\"memory\">\
         <caption>Memory at the time of the report</caption><tbody>",
    );
    let base = i128::from(memory.start.0);
    // Rows begin at multiples of sixteen from the object's start, so that offsets are round numbers.
    let skip = (base - start).rem_euclid(16) as usize;
    let cells = std::iter::repeat_n(None, skip).chain(digits.iter().map(Some));
    let mut cells: Vec<Option<&&str>> = cells.collect();
    cells.resize(cells.len().next_multiple_of(16), None);
    for (row, bytes) in cells.chunks(16).enumerate() {
        let first = base - skip as i128 + 16 * row as i128;
        let heading = match &scene {
            Some(_) => signed(first - start),
            None => format!("{:#x}", first.max(0)),
        };
        let _ = write!(html, "<tr><th scope=\"row\">{heading}</th>");
        for (column, byte) in bytes.iter().enumerate() {
            let at = first + column as i128 - start;
            match (byte, &scene) {
                (None, _) => html += "<td></td>",
                (Some(byte), None) => {
                    let _ = write!(html, "<td>{byte}</td>");
                }
                (Some(byte), Some(scene)) => {
                    let bad =
                        if (scene.bad.from..scene.bad.to).contains(&at) { " bad" } else { "" };
                    let class = scene.region(at).class();
                    let shown = if **byte == ".." { "\u{b7}\u{b7}" } else { byte };
                    let _ = write!(html, "<td class=\"{class}{bad}\">{shown}</td>");
                }
            }
        }
        html += "</tr>";
    }
    html += "</tbody></table></div>";
    Some(html)
}

fn is_byte(pair: &str) -> bool {
    pair == ".." || pair.bytes().all(|digit| digit.is_ascii_hexdigit())
}
