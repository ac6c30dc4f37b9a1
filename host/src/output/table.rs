//! Tables for people: aligned columns, the last one ragged, no lines around them. It must not know what
//! is in the cells.

use super::{escape, style::Paint};

/// A cell: text that others may have written, and how it is painted.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// A painted cell.
    pub fn painted(text: impl AsRef<str>, paint: Paint) -> Cell {
        Cell { text: escape::line(text.as_ref()).into_owned(), paint }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::painted(text, Paint::Plain)
    }
}

/// Rows under a header.
#[derive(Clone, Debug)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(header: &[&'static str]) -> Table {
        Table { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row with as many cells as there are columns.
    pub fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.header.len());
        self.rows.push(cells);
    }

    /// The whole table as text. A column without anything in it is left out.
    pub fn render(&self, colors: bool) -> String {
        let columns: Vec<usize> = (0..self.header.len())
            .filter(|&at| self.rows.iter().any(|row| !row[at].text.is_empty()))
            .collect();
        let header: Vec<Cell> = self.header.iter().map(|name| Cell::painted(name, Paint::Header)).collect();
        let lines: Vec<&Vec<Cell>> = std::iter::once(&header).chain(&self.rows).collect();
        let width = |at: usize| lines.iter().map(|line| line[at].text.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = columns.iter().map(|&at| width(at)).collect();
        let mut out = String::new();
        for line in lines {
            let mut padding = 0;
            for (&at, width) in columns.iter().zip(&widths) {
                let cell = &line[at];
                if !cell.text.is_empty() {
                    out.extend(std::iter::repeat_n(' ', padding));
                    padding = 0;
                    cell.paint.write(&mut out, &cell.text, colors);
                }
                padding += width - cell.text.chars().count() + 2;
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::new(&["NAME", "STATE", "READY", "WHY"]);
        table.row(vec!["web".into(), Cell::painted("running", Paint::Good), "".into(), "".into()]);
        table.row(vec!["database".into(), "stopped".into(), "".into(), "it\nbroke".into()]);
        assert_eq!(
            table.render(false),
            "NAME      STATE    WHY\n\
             web       running\n\
             database  stopped  it\\nbroke\n"
        );
        assert!(table.render(true).contains("web       \u{1b}[32mrunning\u{1b}[0m\n"));
    }
}
