//! The kinds of telemetry by name, and the dispatch from a name to a type. All of it is generated from the list in
//! `bartizan-domains`.

use crate::context::{self, Opened};
use bartizan_domains::kind::{Found, Kind as _, Settings};
use bartizan_pipeline::{Instance, Judgement, LifeCycle};
use std::sync::Arc;

macro_rules! registry {
    ($dollar:tt $($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        /// The name of a kind; [`for_kind`] maps it to the type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Which {
            $($(#[$attribute])* $Kind,)*
        }

        impl Which {
            /// All kinds.
            pub(crate) const ALL: &'static [Self] = &[$($(#[$attribute])* Self::$Kind,)*];
        }

        /// A running detector of any kind; [`for_running`] maps it to instance and type.
        #[derive(Clone)]
        pub(crate) enum Running {
            $($(#[$attribute])* $Kind(Arc<Instance<bartizan_domains::$module::$Kind>>),)*
        }

        impl Running {
            /// Its kind.
            pub(crate) fn which(&self) -> Which {
                match self {
                    $($(#[$attribute])* Self::$Kind(_) => Which::$Kind,)*
                }
            }

            /// Opens a detector over a store.
            pub(crate) async fn open(which: Which, settings: bartizan_pipeline::Settings, opened: &Opened) -> anyhow::Result<Self> {
                Ok(match which {
                    $($(#[$attribute])* Which::$Kind => Self::$Kind(context::open_detector(settings, opened).await?),)*
                })
            }
        }

        /// Runs an expression with the type `$kind` that a [`Which`] names.
        macro_rules! for_kind {
            ($dollar which:expr, $dollar kind:ident => $dollar run:expr) => {
                match $dollar which {
                    $($(#[$attribute])* $crate::kinds::Which::$Kind => {
                        type $dollar kind = bartizan_domains::$module::$Kind;
                        $dollar run
                    })*
                }
            };
        }

        /// Runs an expression with the instance `$instance` that a [`Running`] is.
        macro_rules! for_running {
            ($dollar running:expr, $dollar instance:ident => $dollar run:expr) => {
                match $dollar running {
                    $($(#[$attribute])* $crate::kinds::Running::$Kind($dollar instance) => $dollar run,)*
                }
            };
        }

        pub(crate) use {for_kind, for_running};
    };
}

bartizan_domains::for_each_kind!(registry $);

impl Which {
    /// Returns the kind with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|which| which.name() == name)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.only_name()[0]
    }

    /// Its name, as a list of one.
    pub(crate) fn only_name(self) -> &'static [&'static str] {
        use bartizan_core::Domain as _;
        for_kind!(self, D => &[D::NAME])
    }

    /// What differs in the settings of its detectors.
    pub(crate) fn settings(self) -> Settings {
        for_kind!(self, D => D::SETTINGS)
    }

    /// Returns all names, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.iter().map(|which| which.name()).collect::<Vec<_>>().join(", ")
    }
}

impl Running {
    /// Returns its life cycle, without the kind.
    pub(crate) fn life(&self) -> Arc<dyn LifeCycle> {
        for_running!(self, instance => Arc::clone(instance) as Arc<dyn LifeCycle>)
    }
}

/// Returns the parts of a judgement that a kind describes.
pub(crate) fn found(judgement: &Judgement) -> Found {
    let class = judgement.class.map(|class| (class.index, class.probability));
    Found { class, score: judgement.score, grade: judgement.grade }
}
