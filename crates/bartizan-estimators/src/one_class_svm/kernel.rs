//! Kernel functions.

use crate::matrix::{self, Line, Link, Packed};
use serde::{Deserialize, Serialize};

/// Farthest from zero that a kernel value lies: sums of many stay finite in 32 bits.
const MOST: f32 = 1e24;

/// How alike two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SvmKernel {
    /// `exp(-gamma |x - y|²)`.
    #[default]
    Rbf,
    /// `x·y`.
    Linear,
    /// `(gamma x·y + coef0)^degree`.
    Poly,
    /// `tanh(gamma x·y + coef0)`.
    Sigmoid,
}

impl SvmKernel {
    /// All, by name.
    pub const OPTIONS: &'static [(&'static str, Self)] =
        &[("rbf", Self::Rbf), ("linear", Self::Linear), ("poly", Self::Poly), ("sigmoid", Self::Sigmoid)];
}

/// A kernel and what becomes of its sums, as one: the place in the list is part of the model format, **add at the end only**.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// The decision value is the score; before version 3 of the model format every score was one.
    Rbf,
    Linear,
    Poly,
    Sigmoid,
    /// The logarithm of the sum is the score.
    LogRbf,
}

impl From<SvmKernel> for Kind {
    fn from(kernel: SvmKernel) -> Self {
        match kernel {
            SvmKernel::Rbf => Self::Rbf,
            SvmKernel::Linear => Self::Linear,
            SvmKernel::Poly => Self::Poly,
            SvmKernel::Sigmoid => Self::Sigmoid,
        }
    }
}

/// A kernel with its numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Function {
    pub(super) kernel: Kind,
    pub(super) gamma: f32,
    pub(super) coef0: f32,
    pub(super) degree: u32,
}

#[derive(Clone, Copy)]
struct Rbf(f32);
/// The squared distance that [`Rbf`] is of.
#[derive(Clone, Copy)]
struct Square;
#[derive(Clone, Copy)]
struct Linear;
#[derive(Clone, Copy)]
struct Poly(Function);
#[derive(Clone, Copy)]
struct Sigmoid(Function);

impl Link for Rbf {
    #[inline(always)]
    fn of(self, product: f32, left: f32, right: f32) -> f32 {
        matrix::exp(-self.0 * Square.of(product, left, right))
    }
}

impl Link for Square {
    #[inline(always)]
    fn of(self, product: f32, left: f32, right: f32) -> f32 {
        // The lengths are added first, so that a row's distance to itself is exactly zero.
        product.mul_add(-2.0, left + right).max(0.0)
    }
}

impl Link for Linear {
    #[inline(always)]
    fn of(self, product: f32, _: f32, _: f32) -> f32 {
        product
    }
}

impl Link for Poly {
    #[inline(always)]
    fn of(self, product: f32, _: f32, _: f32) -> f32 {
        let base = product.mul_add(self.0.gamma, self.0.coef0).clamp(-MOST, MOST);
        let mut power = 1.0_f32;
        for _ in 0..self.0.degree {
            power = (power * base).clamp(-MOST, MOST);
        }
        power
    }
}

impl Link for Sigmoid {
    #[inline(always)]
    fn of(self, product: f32, _: f32, _: f32) -> f32 {
        let x = product.mul_add(self.0.gamma, self.0.coef0);
        let small = matrix::exp(-2.0 * x.abs());
        ((1.0 - small) / (1.0 + small)).copysign(x)
    }
}

impl Function {
    /// Rows of kernel values, see [`matrix::values`].
    pub(super) fn values(&self, rows: &[f32], packed: &Packed, out: &mut [f32]) {
        match self.kernel {
            Kind::Rbf | Kind::LogRbf => matrix::values(Rbf(self.gamma), rows, packed, out),
            Kind::Linear => matrix::values(Linear, rows, packed, out),
            Kind::Poly => matrix::values(Poly(*self), rows, packed, out),
            Kind::Sigmoid => matrix::values(Sigmoid(*self), rows, packed, out),
        }
    }

    /// Weighted sums of kernel values, see [`matrix::weighted`].
    pub(super) fn weighted(&self, rows: &[f32], packed: &Packed, weights: &[Line], out: &mut [f64]) {
        match self.kernel {
            Kind::Rbf | Kind::LogRbf => matrix::weighted(Rbf(self.gamma), rows, packed, weights, out),
            Kind::Linear => matrix::weighted(Linear, rows, packed, weights, out),
            Kind::Poly => matrix::weighted(Poly(*self), rows, packed, weights, out),
            Kind::Sigmoid => matrix::weighted(Sigmoid(*self), rows, packed, weights, out),
        }
    }

    /// Rows of squared distances from the packed rows, as [`Self::values`].
    pub(super) fn squares(rows: &[f32], packed: &Packed, out: &mut [f32]) {
        matrix::values(Square, rows, packed, out);
    }

    /// The kernel value of each row with itself.
    pub(super) fn of_itself(&self, rows: &[f32], width: usize) -> Vec<f64> {
        let mut norms = vec![0.0; rows.len() / width];
        matrix::norms_of(rows, width, &mut norms);
        let link = |n: f32| match self.kernel {
            Kind::Rbf | Kind::LogRbf => 1.0,
            Kind::Linear => Linear.of(n, n, n),
            Kind::Poly => Poly(*self).of(n, n, n),
            Kind::Sigmoid => Sigmoid(*self).of(n, n, n),
        };
        norms.into_iter().map(|n| f64::from(link(n))).collect()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.gamma > 0.0 && self.gamma.is_finite() && self.coef0.abs() <= 1e9 && (1..=MAX_DEGREE as u32).contains(&self.degree)
    }
}

/// Highest degree of a polynomial kernel.
pub(super) const MAX_DEGREE: usize = 10;
