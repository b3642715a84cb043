//! An experiment as a picture (SVG): how often operations fail against how often requests do, both on logarithmic axes.
//! A line for each policy is the closed form; a point with a bar is what was measured, with its 95 % interval.

use plotters::coord::Shift;
use plotters::prelude::*;
use thiserror::Error;

use super::Trials;
use super::arm::Arm;

/// The picture could not be drawn.
#[derive(Debug, Error)]
#[error("cannot draw the plot: {0}")]
pub struct PlotError(String);

const SIZE: (u32, u32) = (860, 560);
/// What is less than this is drawn at the lower edge.
const FLOOR: f64 = 1e-6;
/// Points of a line.
const STEPS: u32 = 60;
/// Told apart by people who see no colours well.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(120, 120, 120),
    RGBColor(230, 159, 0),
];

/// One line and its points.
struct Series<'a> {
    name: String,
    arms: Vec<&'a Arm>,
}

/// The picture, as the text of an SVG file.
///
/// # Errors
/// No arm has a chance above 0, or what draws objects.
pub fn plot(trials: &Trials) -> Result<String, PlotError> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(trials, &area).map_err(|error| PlotError(error.to_string()))?;
    drop(area);
    Ok(svg)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(trials: &Trials, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Drawn {
    let series = series(trials);
    let rates = || trials.arms.iter().map(|arm| arm.conditions.rate).filter(|rate| *rate > 0.0);
    let least = rates().min_by(f64::total_cmp).ok_or("no arm has a fault that strikes by chance")?;
    let most = rates().max_by(f64::total_cmp).unwrap_or(least);
    let across = (least / 2.0)..(most * 2.0).min(1.0);
    area.fill(&WHITE)?;
    let what = trials.experiment.counts.word();
    let mut chart = ChartBuilder::on(area)
        .caption(
            format!("How many {what} fail: measured (points) and by the closed form (lines)"),
            ("sans-serif", 22),
        )
        .margin(12)
        .x_label_area_size(52)
        .y_label_area_size(92)
        .build_cartesian_2d(across.clone().log_scale(), (FLOOR..1.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("requests that fail")
        .y_desc(format!("{what} that fail"))
        .x_label_formatter(&|rate| super::table::percent(*rate))
        .y_label_formatter(&|rate| super::table::percent(*rate))
        .light_line_style(RGBColor(240, 240, 240))
        .bold_line_style(RGBColor(215, 215, 215))
        .max_light_lines(0)
        .label_style(("sans-serif", 17))
        .draw()?;
    for (number, one) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let Some(first) = one.arms.first() else { continue };
        let line = (0..=STEPS).map(|step| {
            let part = f64::from(step) / f64::from(STEPS);
            let rate = (across.start.ln() + part * (across.end.ln() - across.start.ln())).exp();
            (rate, first.conditions.at(rate).operation_fails(first.requests))
        });
        let line = line.filter(|(_, fails)| *fails >= FLOOR);
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(one.name.clone())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        // Side by side, where several were measured at one chance.
        let aside = 1.0 + 0.035 * (number as f64 - (series.len() as f64 - 1.0) / 2.0);
        for arm in one.arms.iter().filter(|arm| arm.operations > 0) {
            let (at, interval) = (arm.conditions.rate * aside, arm.interval());
            let (low, high) = (interval.low.max(FLOOR), interval.high.max(FLOOR));
            let bar = PathElement::new(vec![(at, low), (at, high)], colour.stroke_width(1));
            chart.draw_series(std::iter::once(bar))?;
            let measured = arm.of_1000() / 1000.0;
            if measured >= FLOOR {
                chart.draw_series(std::iter::once(Circle::new((at, measured), 4, colour.filled())))?;
            } else {
                // None failed: only how many there could be is known.
                chart.draw_series(std::iter::once(TriangleMarker::new((at, high), 5, colour)))?;
            }
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(190, 190, 190))
        .label_font(("sans-serif", 17))
        .draw()?;
    area.present()?;
    Ok(())
}

/// The arms that differ in nothing but how often requests fail.
fn series(trials: &Trials) -> Vec<Series<'_>> {
    let mut all: Vec<Series<'_>> = Vec::new();
    for arm in &trials.arms {
        let burst = arm.conditions.burst;
        let again = burst.map_or(String::new(), |again| {
            format!(", {} of retries at once fail, too", super::table::percent(again))
        });
        let besides = if arm.besides.is_empty() { String::new() } else { format!(", {}", arm.besides) };
        let name = format!("{}{again}{besides}", arm.conditions.policy);
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) => series.arms.push(arm),
            None => all.push(Series { name, arms: vec![arm] }),
        }
    }
    all
}
