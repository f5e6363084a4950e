//! Pictures in SVG: numbers with their outliers, and the memory of a soak.

mod axis;

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use axis::{label, range, scale, ticks};
use plotters::coord::Shift;
use plotters::prelude::*;
use refsoak::{Report, Verdict};

use super::output::{escape, line};
use super::overwrite::replace;
use super::read::{Series, start};

const SIZE: (u32, u32) = (960, 480);
const INK: RGBColor = RGBColor(40, 40, 40);
const BLUE: RGBColor = RGBColor(31, 119, 180);
const ORANGE: RGBColor = RGBColor(230, 110, 20);
/// The most points from left to right, about one per pixel.
const COLUMNS: usize = 900;

/// The most characters of a column's name that are shown.
const LONGEST_NAME: usize = 40;

/// Draws numbers over their times or indices, and marks the outliers.
///
/// Thins out the numbers first, and frees their memory.
pub fn series(file: &Path, source: &str, series: Series, indices: &[i64]) -> Result<()> {
    let (mut values, times) = (series.numbers, series.times);
    let column = series.column.map(|column| line(&column));
    let column = column
        .as_deref()
        .map(|column| start(column.trim(), LONGEST_NAME));
    let count = values.len();
    let name = Path::new(source)
        .file_name()
        .unwrap_or(source.as_ref())
        .to_string_lossy();
    let values_of = if count == 1 { "value" } else { "values" };
    let title = format!(
        "{name}: outliers among {count} {values_of}: {}",
        indices.len()
    );
    let scale = scale(&values);
    values.iter_mut().for_each(|value| *value /= scale);
    let (low, high) = range(values.iter().copied());
    let outliers = indices
        .iter()
        .filter_map(|&index| usize::try_from(index).ok());
    let outliers = outliers.filter_map(|index| Some((index, *values.get(index)?)));
    let markers = one_to_a_spot(outliers, count, (low, high));
    let line = thin(&values);
    drop(values);
    let index = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
    let x = |at: usize| times.get(at).copied().unwrap_or(index(at));
    let ends = [0, index(count)];
    let xs = if times.is_empty() { &ends[..] } else { &times };
    let first = xs.iter().copied().min().unwrap_or_default();
    let last = xs.iter().copied().max().unwrap_or_default();
    let (ticks, label_of) = ticks(first, last, !times.is_empty());
    // A few markers must be easy to see, and many must not hide the line.
    let size = if markers.len() < 300 { 4 } else { 1 };
    draw(file, |root| {
        let mut chart = ChartBuilder::on(root)
            .caption(&title, ("sans-serif", 20, &INK))
            .margin(12)
            .margin_right(40)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(
                (first..last.max(first + 1)).with_key_points(ticks),
                low..high,
            )?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(if times.is_empty() {
                "index"
            } else {
                "time (UTC)"
            })
            .x_label_formatter(&label_of)
            .y_desc(column.unwrap_or("value"))
            // Rounded, because the last digits of a label's position are noise.
            .y_label_formatter(&|value| label((value * 1e9).round() / 1e9 * scale))
            .draw()?;
        let line = line.into_iter().map(|(at, value)| (x(at), value));
        chart.draw_series(LineSeries::new(line, &BLUE))?;
        let markers = markers
            .into_iter()
            .map(|(at, value)| Circle::new((x(at), value), size, ORANGE.stroke_width(2)));
        chart.draw_series(markers)?;
        Ok(())
    })
}

/// Draws Python's blocks and resident memory over the calls of a soak.
pub fn soak(file: &Path, function: &str, report: &Report) -> Result<()> {
    let samples = &report.samples;
    let first = samples.first().map_or(0, |sample| sample.blocks);
    let last = samples.last().map_or(1, |sample| sample.calls.max(1));
    let blocks = samples
        .iter()
        .map(|sample| (sample.calls, float(sample.blocks - first)));
    let resident = samples
        .iter()
        .map(|sample| (sample.calls, float(sample.resident) / 1048576.0));
    // The scale makes a handful of blocks look small.
    let (low, high) = range(
        blocks
            .clone()
            .map(|(_, blocks)| blocks)
            .chain([-10.0, 10.0]),
    );
    let most = resident
        .clone()
        .map(|(_, resident)| resident)
        .fold(1.0, f64::max)
        * 1.25;
    let title = format!("{function}: {}", report.verdict.name());
    let color = if report.verdict == Verdict::Clean {
        INK
    } else {
        RED
    };
    draw(file, |root| {
        let root = root.titled(&title, ("sans-serif", 22).into_font().color(&color))?;
        let mut chart = ChartBuilder::on(&root)
            .caption(report.summary(), ("sans-serif", 14, &INK))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .right_y_label_area_size(80)
            .build_cartesian_2d(0..last, low..high)?
            .set_secondary_coord(0..last, 0.0..most);
        chart.draw_series([Rectangle::new(
            [(0, low), (report.warm_up, high)],
            INK.mix(0.06).filled(),
        )])?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("calls (shaded: warming up)")
            .y_desc("growth of Python's blocks")
            .y_label_formatter(&|blocks| format!("{blocks:+.0}"))
            .draw()?;
        chart
            .configure_secondary_axes()
            .y_desc("resident memory in MiB")
            .y_label_formatter(&|mebibytes| format!("{mebibytes:.0}"))
            .draw()?;
        let line = LineSeries::new(blocks, BLUE.stroke_width(2));
        chart
            .draw_series(line)?
            .label("growth of Python's blocks")
            .legend(|point| key(point, BLUE));
        let line = LineSeries::new(resident, ORANGE.stroke_width(2));
        chart
            .draw_secondary_series(line)?
            .label("resident memory")
            .legend(|point| key(point, ORANGE));
        let mut labels = chart.configure_series_labels();
        labels
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE)
            .draw()?;
        Ok(())
    })
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws into memory, then replaces the file.
fn draw(file: &Path, paint: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let painted = root.fill(&WHITE).map_err(Into::into);
        let painted = painted.and_then(|()| paint(&root));
        let painted = painted.and_then(|()| Ok(root.present()?));
        painted.map_err(|error| anyhow!("cannot draw: {error}"))?;
    }
    let written = replace(file, escape(&svg).as_bytes());
    written.with_context(|| file.display().to_string())
}

/// A short line for the legend.
fn key((x, y): (i32, i32), color: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2))
}

/// Reduces the numbers to a line through the lowest and the highest value of each column of pixels.
fn thin(values: &[f64]) -> Vec<(usize, f64)> {
    let width = values.len().div_ceil(COLUMNS).max(1);
    let mut line = Vec::new();
    for (column, chunk) in values.chunks(width).enumerate() {
        let finite = (0..).zip(chunk).filter(|(_, value)| value.is_finite());
        let lowest = finite.clone().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let highest = finite.max_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut ends: Vec<(usize, &f64)> = lowest.into_iter().chain(highest).collect();
        ends.sort_by_key(|&(index, _)| index);
        ends.dedup();
        line.extend(
            ends.into_iter()
                .map(|(index, &value)| (column * width + index, value)),
        );
    }
    line
}

/// Keeps only the first of several markers on the same spot.
fn one_to_a_spot(
    points: impl Iterator<Item = (usize, f64)>,
    count: usize,
    (low, high): (f64, f64),
) -> Vec<(usize, f64)> {
    let mut seen = HashSet::new();
    let width = count.div_ceil(COLUMNS / 3).max(1);
    let is_first = |(index, value): &(usize, f64)| {
        let row = ((value - low) / (high - low) * 150.0).round();
        seen.insert((index / width, row.to_bits()))
    };
    points.filter(is_first).collect()
}

/// Exact: the counts are far below 2 to the power of 53.
#[allow(clippy::cast_precision_loss)]
fn float(count: i64) -> f64 {
    count as f64
}
