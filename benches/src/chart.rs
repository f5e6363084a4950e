//! The chart, in SVG.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::measure::{OURS, OURS_KEPT, Plan, Results};
use crate::numbers::{count, time};
use crate::ways::{Callee, Caller, Way};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/chart.svg");
const SIZE: (u32, u32) = (1000, 920);
/// Where the lines end and their names begin.
const NAMES: u32 = 290;
/// From one name to the next, in pixels.
const LINE_HEIGHT: i32 = 17;
const INK: RGBColor = RGBColor(40, 40, 40);

/// The ways that are drawn. The tables have all of them, but too many lines would hide each other.
const LINES: [(Way, RGBColor); 7] = [
    (Way(Caller::Grpc, Callee::OneLiner), RGBColor(120, 120, 120)),
    (Way(Caller::Naive, Callee::Article), RGBColor(200, 40, 40)),
    (Way(Caller::PyO3, Callee::Article), RGBColor(230, 130, 20)),
    (Way(Caller::C, Callee::Detect), INK),
    (OURS, RGBColor(31, 119, 180)),
    (OURS_KEPT, RGBColor(120, 90, 200)),
    (Way(Caller::Shared, Callee::OneLiner), RGBColor(40, 140, 60)),
];

/// One of the two diagrams. The number of values is on the x axis.
struct Panel<'a> {
    title: &'a str,
    range: std::ops::Range<f64>,
    label: fn(&f64) -> String,
    lines: Vec<Line>,
}

/// A way, with a point for each size.
struct Line {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Draws the times, and below them their ratios.
pub fn write(plans: &[Plan], results: &Results, machine: &str) -> Result<()> {
    let root = SVGBackend::new(FILE, SIZE).into_drawing_area();
    draw(&root, plans, results, machine).map_err(|error| anyhow!("{FILE}: {error}"))
}

type Drawn<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn draw(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    plans: &[Plan],
    results: &Results,
    machine: &str,
) -> Drawn {
    root.fill(&WHITE)?;
    let (times, ratios) = root.split_vertically(SIZE.1 / 2);
    let median = |size, way| Some(results.get(size, way)?.median());
    panel(
        &times,
        plans,
        &Panel {
            title: &format!("Time per call: {machine}"),
            range: 2e-6..2.0,
            label: |seconds| tick(*seconds),
            lines: lines(plans, median),
        },
    )?;
    let ratio = |size, way: Way| {
        let ratio = results.ratio(size, way, OURS)?.median;
        (way.0 != Caller::Grpc).then_some(ratio)
    };
    panel(
        &ratios,
        plans,
        &Panel {
            title: "Time relative to ours (less is faster; without gRPC)",
            range: 0.05..5.0,
            label: |ratio| ratio_label(*ratio),
            lines: lines(plans, ratio),
        },
    )?;
    root.present()?;
    Ok(())
}

fn lines(plans: &[Plan], value: impl Fn(usize, Way) -> Option<f64>) -> Vec<Line> {
    let line = |(way, color): (Way, RGBColor)| Line {
        name: way.to_string().replace('`', ""),
        color,
        points: plans
            .iter()
            .filter_map(|plan| Some((float(plan.size), value(plan.size, way)?)))
            .collect(),
    };
    LINES.into_iter().map(line).collect()
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    plans: &[Plan],
    Panel {
        title,
        range,
        label,
        lines,
    }: &Panel<'_>,
) -> Drawn {
    let sizes = plans.iter().map(|plan| float(plan.size));
    let (first, last) = (sizes.clone().fold(1.0, f64::min), sizes.fold(1.0, f64::max));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20, &INK))
        .margin(14)
        .margin_right(NAMES)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d((first..last).log_scale(), range.clone().log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .x_desc("values")
        .x_label_formatter(&size_label)
        .y_label_formatter(label)
        .y_labels(40)
        .label_style(("sans-serif", 14, &INK))
        .draw()?;
    let mut names: Vec<(i32, &Line)> = Vec::new();
    for line in lines {
        chart.draw_series(LineSeries::new(
            line.points.iter().copied(),
            line.color.stroke_width(2),
        ))?;
        let point = |&point| Circle::new(point, 4, line.color.filled());
        chart.draw_series(line.points.iter().map(point))?;
        if let Some(end) = line.points.last() {
            names.push((chart.backend_coord(end).1, line));
        }
    }
    let right = chart.backend_coord(&(last, range.start)).0 + 14;
    write_names(area, right, names)
}

/// Writes the name of each line beside its end. Names that would overlap form a block, centred on their ends.
fn write_names(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    right: i32,
    mut names: Vec<(i32, &Line)>,
) -> Drawn {
    names.sort_by_key(|(y, _)| *y);
    let (_, top) = area.get_base_pixel();
    // A block of names: the sum of their wanted places, and the names.
    let mut blocks: Vec<(i32, Vec<&Line>)> = Vec::new();
    for (y, line) in names {
        let mut block = (y, vec![line]);
        while let Some(above) = blocks.pop_if(|above| bottom(above) + LINE_HEIGHT > first(&block)) {
            block = (above.0 + block.0, [above.1, block.1].concat());
        }
        blocks.push(block);
    }
    for block in &blocks {
        let places = (first(block)..).step_by(LINE_HEIGHT.unsigned_abs().try_into()?);
        for (y, line) in places.zip(&block.1) {
            let style = ("sans-serif", 14, &line.color).into_text_style(area);
            area.draw_text(&line.name, &style, (right, y - top - 7))?;
        }
    }
    Ok(())
}

/// The place of a block's first name.
fn first((sum, lines): &(i32, Vec<&Line>)) -> i32 {
    let count = i32::try_from(lines.len()).unwrap_or(1);
    sum / count - (count - 1) * LINE_HEIGHT / 2
}

/// The place of its last name.
fn bottom(block: &(i32, Vec<&Line>)) -> i32 {
    let count = i32::try_from(block.1.len()).unwrap_or(1);
    first(block) + (count - 1) * LINE_HEIGHT
}

/// `10 µs`.
fn tick(seconds: f64) -> String {
    time(seconds).replace(".00 ", " ").replace(".0 ", " ")
}

/// Labels only some of the ratios: all labels would overlap.
fn ratio_label(ratio: f64) -> String {
    let shown = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0].map(|shown| (shown, format!("{shown}")));
    let near = |(shown, _): &(f64, String)| (ratio / shown - 1.0).abs() < 1e-6;
    shown.into_iter().find(near).unwrap_or_default().1
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "up to a million"
)]
fn size_label(size: &f64) -> String {
    count(size.round() as usize)
}

#[expect(clippy::cast_precision_loss, reason = "up to a million")]
fn float(size: usize) -> f64 {
    size as f64
}
