//! One-class support vector machine: on which side of a boundary around the normal rows a row lies, and how far.

mod cache;
mod exact;
mod fitted;
mod kernel;
mod logarithm;
mod nystroem;
mod smo;
#[cfg(test)]
mod tests;

pub use fitted::FittedOneClassSvm;
pub use kernel::SvmKernel;

use crate::matrix::Packed;
use crate::params::{NumberOr, ParamError, ParamValue, Params};
use crate::preparation::{Preparation, Scaling};
use crate::rows;
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed, Stop};
use exact::Dual;
use kernel::{Function, Kind, MAX_DEGREE};
use nystroem::Approximation;

/// How much narrower a local kernel is.
const LOCAL: f64 = 10.0;
/// Most rows that `auto` fits exactly.
const MAX_EXACT_ROWS: usize = 20_000;
/// Most rows that are fitted exactly when that is asked for: the work grows with their square.
const MAX_EXACT_ASKED: usize = 100_000;

/// How the kernel's width follows from the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gamma {
    /// 1 / (width × variance of all numbers).
    Scale,
    /// 1 / width.
    Auto,
    /// Ten times `Scale`: a row is like its own neighbourhood only, and the boundary follows every cluster.
    Local,
}

/// How it is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SvmSolver {
    /// Exactly up to 20,000 rows.
    #[default]
    Auto,
    /// The dual to `tolerance`.
    Exact,
    /// In the space that landmark rows span.
    Nystroem,
}

/// What of a row's kernel sum is its score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SvmScore {
    /// How much less its logarithm is than that of the boundary, with `rbf`; the decision value with other kernels, whose sums have any sign.
    #[default]
    Logarithm,
    /// How much less it is than at the boundary.
    Decision,
}

impl Gamma {
    const OPTIONS: &'static [(&'static str, Self)] = &[("scale", Self::Scale), ("auto", Self::Auto), ("local", Self::Local)];
}

impl SvmSolver {
    const OPTIONS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("exact", Self::Exact), ("nystroem", Self::Nystroem)];
}

/// A boundary around most rows, as smooth as a kernel makes it; what lies outside is anomalous.
///
/// # Parameters
/// - `kernel`: `rbf`, `linear`, `poly` or `sigmoid`; `rbf`.
/// - `nu`: share of the training rows that come to lie outside, 0.0001 to 1; 0.1.
/// - `gamma`: 1e-12 to 1e12, `scale` (1 / (width × variance of all numbers), 1 if nothing varies), `auto`
///   (1 / width) or `local` (ten times `scale`); `local`.
/// - `degree`: of `poly`, 1 to 10; 3.
/// - `coef0`: of `poly` and `sigmoid`, -1e6 to 1e6; 0.
/// - `solver`: `exact` (at most 100,000 rows), `nystroem`, or `auto`: exact up to 20,000 rows; `auto`.
/// - `tolerance`: exact: gap at which it is optimal, 1e-9 to 1; 0.001.
/// - `max_iter`: exact: most pairs of weights moved, 1 to 1e9; 1,000,000. [`FittedOneClassSvm::converged`] says if it was reached.
/// - `cache_mb`: exact: memory for kernel rows, in MiB, 1 to 4,096; 200.
/// - `components`: nystroem: landmark rows, 1 to 2,000; 300.
/// - `scaling`: see [`Scaling`]; `signed_log`.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// The decision value is `rho - s` for the sum `s` of weight × kernel(row, support row), above 0 outside the boundary; weights sum to 1,
/// as in the paper, so that values compare between training sets of different size (scikit-learn's sum to `nu × rows`, and so do its
/// decision values). Far from all rows `s` is 0 and says nothing more, so with `rbf` the score is `ln(rho) - ln(s)`: it has the same
/// order and the same sign, and grows with the squared distance for ever. Where `s` is too small for 32 bits the logarithm comes from the
/// distances themselves. Weights of *nystroem* have both signs: of the sum of their sizes no less than a 1,000th counts as `s`. *Exact*: pairs of weights are moved, each time the pair that gains most
/// by the second-order estimate. Moving starts from the rows that look farthest out to the solution of an eighth of the rows
/// (found in the same way), and works on the rows near the boundary in rounds until no row at all wants to move.
/// *Nystroem*: the boundary is sought in the space that `components` landmark rows span, by steps towards the rows of a
/// block that score lowest; the threshold leaves `nu` of the rows outside. Memory does not grow with the rows but for
/// 4 bytes each. Shares are an approximation: what a score gains over that of the mean support row is split by how much it
/// would fall if a feature had that row's value.
///
/// # Weak where
/// Many features do not matter, since all count alike; normal rows form clusters of very different density; training rows contain
/// more anomalies than `nu`.
///
/// # References
/// Schölkopf, Platt, Shawe-Taylor, Smola, Williamson: Estimating the support of a high-dimensional distribution, Neural
/// Computation 13, 2001. Fan, Chen, Lin: Working set selection using second order information for training support
/// vector machines, JMLR 6, 2005. Williams, Seeger: Using the Nyström method to speed up kernel machines, NIPS 2000.
/// Frank, Wolfe: An algorithm for quadratic programming, Naval Research Logistics Quarterly 3, 1956.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneClassSvm {
    /// How alike two rows are.
    pub kernel: SvmKernel,
    /// Share of training rows outside.
    pub nu: f64,
    /// Width of the kernel.
    pub gamma: NumberOr<Gamma>,
    /// Degree of the polynomial.
    pub degree: usize,
    /// Constant of polynomial and sigmoid.
    pub coef0: f64,
    /// How it is trained.
    pub solver: SvmSolver,
    /// Gap at which it is optimal.
    pub tolerance: f64,
    /// Most pairs moved.
    pub max_iter: usize,
    /// Memory for kernel rows, MiB.
    pub cache_mb: usize,
    /// Landmark rows.
    pub components: usize,
    /// How columns are scaled.
    pub scaling: Scaling,
    /// What of the kernel sum is the score; not a parameter by name.
    pub score: SvmScore,
}

impl Default for OneClassSvm {
    fn default() -> Self {
        Self {
            kernel: SvmKernel::Rbf,
            nu: 0.1,
            gamma: NumberOr::Word(Gamma::Local),
            degree: 3,
            coef0: 0.0,
            solver: SvmSolver::Auto,
            tolerance: 1e-3,
            max_iter: 1_000_000,
            cache_mb: 200,
            components: 300,
            scaling: Scaling::SignedLog,
            score: SvmScore::Logarithm,
        }
    }
}

fn name_of<T: PartialEq>(options: &[(&'static str, T)], value: &T) -> ParamValue {
    options.iter().find(|(_, v)| v == value).map_or("", |(name, _)| name).into()
}

impl OneClassSvm {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        Ok(Self {
            kernel: params.choice("kernel", default.kernel, SvmKernel::OPTIONS)?,
            nu: params.number("nu", default.nu, 1e-4..=1.0)?,
            gamma: params.number_or("gamma", default.gamma, 1e-12..=1e12, Gamma::OPTIONS)?,
            degree: params.count("degree", default.degree, 1..=MAX_DEGREE)?,
            coef0: params.number("coef0", default.coef0, -1e6..=1e6)?,
            solver: params.choice("solver", default.solver, SvmSolver::OPTIONS)?,
            tolerance: params.number("tolerance", default.tolerance, 1e-9..=1.0)?,
            max_iter: params.count("max_iter", default.max_iter, 1..=1_000_000_000)?,
            cache_mb: params.count("cache_mb", default.cache_mb, 1..=4_096)?,
            components: params.count("components", default.components, 1..=2_000)?,
            scaling: params.scaling(default.scaling)?,
            score: default.score,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let gamma = match self.gamma {
            NumberOr::Number(number) => number.into(),
            NumberOr::Word(word) => name_of(Gamma::OPTIONS, &word),
        };
        vec![
            ("kernel", name_of(SvmKernel::OPTIONS, &self.kernel)),
            ("nu", self.nu.into()),
            ("gamma", gamma),
            ("degree", self.degree.into()),
            ("coef0", self.coef0.into()),
            ("solver", name_of(SvmSolver::OPTIONS, &self.solver)),
            ("tolerance", self.tolerance.into()),
            ("max_iter", self.max_iter.into()),
            ("cache_mb", self.cache_mb.into()),
            ("components", self.components.into()),
            ("scaling", self.scaling.name().into()),
        ]
    }

    fn function(&self, width: usize, variance: f64) -> Function {
        let gamma = match self.gamma {
            NumberOr::Number(gamma) => gamma,
            NumberOr::Word(Gamma::Auto) => 1.0 / width as f64,
            NumberOr::Word(Gamma::Scale) if variance > 0.0 => 1.0 / (width as f64 * variance),
            NumberOr::Word(Gamma::Local) if variance > 0.0 => LOCAL / (width as f64 * variance),
            NumberOr::Word(Gamma::Scale | Gamma::Local) => 1.0,
        };
        Function {
            kernel: self.kernel.into(),
            gamma: gamma.clamp(1e-30, 1e30) as f32,
            coef0: self.coef0 as f32,
            degree: self.degree as u32,
        }
    }

    fn exact(&self, fetch: &Fetch<'_>, function: Function, seed: Seed, stop: &Stop) -> Result<FittedOneClassSvm, FitError> {
        let width = fetch.train.width();
        let mut values = vec![0.0; fetch.train.values().len()];
        for (row, out) in values.chunks_exact_mut(width).enumerate() {
            fetch.row(row, out);
        }
        let dual = Dual {
            function,
            width,
            values: &values,
            nu: self.nu,
            tolerance: self.tolerance,
            max_iter: self.max_iter,
            cache_bytes: self.cache_mb << 20,
            stop,
        };
        let solution = dual.solve(seed);
        stop.check()?;
        let support = |i: &usize| solution.weights[*i] > 0.0;
        let chosen: Vec<usize> = (0..solution.weights.len()).filter(support).collect();
        let rows: Vec<f32> = chosen.iter().flat_map(|i| &values[i * width..(i + 1) * width]).copied().collect();
        let sum = self.nu * fetch.train.rows() as f64;
        let weights = chosen.iter().map(|i| (solution.weights[*i] / sum) as f32).collect();
        Ok(fetch.fitted(function, Packed::new(&rows, width), weights, solution.rho / sum).after(solution.iterations, solution.converged))
    }

    fn nystroem(&self, fetch: &Fetch<'_>, function: Function, seed: Seed, stop: &Stop) -> Result<FittedOneClassSvm, FitError> {
        let approximation = Approximation { function, nu: self.nu, components: self.components };
        let rows = fetch.train.rows();
        let trained = approximation.train(rows, fetch.train.width(), |row, out| fetch.row(row, out), seed, stop)?;
        Ok(fetch.fitted(function, trained.landmarks, trained.weights, trained.rho))
    }
}

impl Estimator for OneClassSvm {
    type Fitted = FittedOneClassSvm;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedOneClassSvm, FitError> {
        rows::check(schema, train, 2)?;
        let (rows, width) = (train.rows(), train.width());
        if self.solver == SvmSolver::Exact && rows > MAX_EXACT_ASKED {
            return Err(FitError::TooMuch { what: "rows of solver exact", got: rows, limit: MAX_EXACT_ASKED, rows, width });
        }
        let preparation = self.scaling.fit(schema, train);
        let (mut center, variance) = moments(train, &preparation);
        if self.kernel != SvmKernel::Rbf {
            center.fill(0.0);
        }
        let fetch = Fetch { schema, train, preparation: &preparation, center: &center, score: self.score };
        let function = self.function(train.width(), variance);
        let exact = match self.solver {
            SvmSolver::Auto => train.rows() <= MAX_EXACT_ROWS,
            SvmSolver::Exact => true,
            SvmSolver::Nystroem => false,
        };
        if exact { self.exact(&fetch, function, seed, stop) } else { self.nystroem(&fetch, function, seed, stop) }
    }
}

/// Training rows as the kernel sees them: prepared, and shifted where only distances matter, which are then exact in 32 bits.
struct Fetch<'a> {
    schema: &'a FeatureSchema,
    train: Samples<'a>,
    preparation: &'a Preparation,
    center: &'a [f32],
    score: SvmScore,
}

impl Fetch<'_> {
    fn row(&self, row: usize, out: &mut [f32]) {
        self.preparation.apply_row(self.train.row(row), out);
        out.iter_mut().zip(self.center).for_each(|(value, center)| *value -= center);
    }

    fn fitted(&self, function: Function, support: Packed, weights: Vec<f32>, rho: f64) -> FittedOneClassSvm {
        let logarithm = self.score == SvmScore::Logarithm && function.kernel == Kind::Rbf;
        let function = if logarithm { Function { kernel: Kind::LogRbf, ..function } } else { function };
        FittedOneClassSvm::new(self.schema.clone(), self.preparation.clone(), self.center.to_vec(), function, support, weights, rho)
    }
}

/// Means of the prepared columns, and the variance of all their numbers taken together.
fn moments(train: Samples<'_>, preparation: &Preparation) -> (Vec<f32>, f64) {
    let width = train.width();
    let (mut sums, mut row) = (vec![0.0_f64; width], vec![0.0_f32; width]);
    let mut visit = |each: &mut dyn FnMut(usize, f64)| {
        for raw in train.iter() {
            preparation.apply_row(raw, &mut row);
            row.iter().enumerate().for_each(|(c, v)| each(c, f64::from(*v)));
        }
    };
    visit(&mut |column, value| sums[column] += value);
    let mean = sums.iter().sum::<f64>() / train.values().len() as f64;
    let mut squares = 0.0;
    visit(&mut |_, value| squares += (value - mean) * (value - mean));
    (sums.iter().map(|sum| (sum / train.rows() as f64) as f32).collect(), squares / train.values().len() as f64)
}
