//! Builds the components of a plan on a shard.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use plan::drafts::{Drafts, Workshop};
use plan::env::{Counter, Gauge, Timing};
use plan::{
    BuildError, Cache, Code, Component, Env, Expr, Form, Meters, Operator, Plan, RateLimit,
    Registry, Services, Session, Sink, Source,
};

use crate::meter::{MeteredOperator, MeteredSink, MeteredSource};
use crate::metrics::Series;
use crate::names::Names;
use crate::services::InstanceServices;
use crate::shared::SharedParts;
use crate::workshop::LastingWorkshop;

/// Most components inside components.
const DEPTH_MAX: usize = 64;

/// Category of components that only hold others; they have no series of their own.
pub(crate) const COMPOSITE: &str = "composite";

/// What all components of one instance share while they are built.
pub(crate) struct Builder {
    pub(crate) registry: Rc<Registry>,
    pub(crate) plan: std::sync::Arc<Plan>,
    pub(crate) services: Rc<InstanceServices>,
    pub(crate) series: Series,
    pub(crate) stream: String,
    shared: Rc<SharedParts>,
    sessions: RefCell<HashMap<String, Rc<dyn Session>>>,
}

impl Builder {
    pub(crate) fn new(
        registry: Rc<Registry>,
        plan: std::sync::Arc<Plan>,
        services: Rc<InstanceServices>,
        shared: Rc<SharedParts>,
        stream: &str,
    ) -> Rc<Self> {
        services.give_documents(&plan.documents);
        let surroundings: Rc<dyn Services> = services.clone();
        let series = Series::named(Names::of(&plan, &registry, &surroundings));
        Rc::new(Builder {
            registry,
            plan,
            services,
            series,
            stream: stream.to_owned(),
            shared,
            sessions: RefCell::default(),
        })
    }

    /// Whether a source has series of its own: what holds others, or keeps what they bring, leaves
    /// that to them.
    pub(crate) fn counts_source(&self, source: &Component) -> bool {
        let spec = self.registry.sources.iter().find(|spec| spec.name == source.name);
        let holds = |category| category == COMPOSITE || category == plan::component::BUFFER;
        !source.path.is_empty() && !spec.is_some_and(|spec| holds(spec.category))
    }

    /// The environment in which the prelude of the plan has run.
    pub(crate) fn main_session(&self) -> Option<Rc<dyn Session>> {
        let lang = &self.plan.prelude.as_ref()?.lang;
        self.sessions.borrow().get(lang).cloned()
    }

    fn session(&self, lang: &str) -> Result<Rc<dyn Session>, BuildError> {
        if let Some(session) = self.sessions.borrow().get(lang) {
            return Ok(Rc::clone(session));
        }
        let language = self
            .registry
            .languages
            .iter()
            .find(|l| l.name() == lang)
            .ok_or_else(|| BuildError::new(format!("there is no language '{lang}'")))?;
        let prelude = self.plan.prelude.as_ref().filter(|code| code.lang == lang);
        let services: Rc<dyn Services> = self.services.clone();
        let session = language.open(prelude, services).map_err(|d| first(&d))?;
        let session: Rc<dyn Session> = Rc::from(session);
        self.sessions.borrow_mut().insert(lang.to_owned(), Rc::clone(&session));
        Ok(session)
    }
}

fn first(diagnostics: &[plan::Diagnostic]) -> BuildError {
    match diagnostics.first() {
        Some(d) if d.span.line > 0 => {
            BuildError::new(format!("line {} char {}: {}", d.span.line, d.span.column, d.message))
        }
        Some(d) => BuildError::new(d.message.clone()),
        None => BuildError::new("the text is not valid"),
    }
}

/// The environment of one component that is being built.
pub(crate) struct ComponentEnv {
    pub(crate) builder: Rc<Builder>,
    component: Component,
    depth: usize,
}

impl ComponentEnv {
    pub(crate) fn new(builder: Rc<Builder>, component: Component) -> Self {
        ComponentEnv { builder, component, depth: 0 }
    }

    fn child(&self, component: &Component) -> Result<ComponentEnv, BuildError> {
        if self.depth >= DEPTH_MAX {
            let text = format!("components may be nested {DEPTH_MAX} deep at most");
            return Err(BuildError::new(text));
        }
        Ok(ComponentEnv {
            builder: Rc::clone(&self.builder),
            component: component.clone(),
            depth: self.depth + 1,
        })
    }

    fn named<B>(
        kind: &str,
        table: &[&'static plan::Spec<B>],
        component: &Component,
    ) -> Result<&'static plan::Spec<B>, BuildError> {
        let found = table.iter().find(|s| s.name == component.name).copied();
        found.ok_or_else(|| BuildError {
            text: format!("there is no {kind} '{}'", component.name),
            path: component.path.clone(),
            label: component.label.clone(),
        })
    }

    /// Builds the component this environment is for.
    fn build<B, T>(
        &self,
        spec: &plan::Spec<B>,
        run: impl FnOnce(&B, &plan::Json, &dyn Env) -> Result<T, BuildError>,
    ) -> Result<T, BuildError> {
        run(&spec.build, &self.component.config, self).map_err(|mut error| {
            if error.path.is_empty() {
                error.path.clone_from(&self.component.path);
                error.label.clone_from(&self.component.label);
            }
            error
        })
    }

    pub(crate) fn build_operator(&self) -> Result<Box<dyn Operator>, BuildError> {
        let spec = Self::named("operator", &self.builder.registry.operators, &self.component)?;
        let operator = self.build(spec, |build, config, env| build(config, env))?;
        Ok(MeteredOperator::wrap(operator, &self.component, &self.builder))
    }

    pub(crate) fn build_source(&self) -> Result<Box<dyn Source>, BuildError> {
        let spec = Self::named("source", &self.builder.registry.sources, &self.component)?;
        let source = self.build(spec, |build, config, env| build(config, env))?;
        // A source at the top of a plan is metered by the ledger, which also sees acks.
        if self.depth == 0 || spec.category == COMPOSITE {
            return Ok(source);
        }
        Ok(MeteredSource::wrap(source, &self.component, &self.builder))
    }

    pub(crate) fn build_sink(&self) -> Result<Box<dyn Sink>, BuildError> {
        let spec = Self::named("sink", &self.builder.registry.sinks, &self.component)?;
        let sink = self.build(spec, |build, config, env| build(config, env))?;
        if spec.category == COMPOSITE {
            return Ok(sink);
        }
        Ok(MeteredSink::wrap(sink, &self.component, &self.builder))
    }
}

impl Env for ComponentEnv {
    fn operator(&self, component: &Component) -> Result<Box<dyn Operator>, BuildError> {
        self.child(component)?.build_operator()
    }

    fn source(&self, component: &Component) -> Result<Box<dyn Source>, BuildError> {
        self.child(component)?.build_source()
    }

    fn sink(&self, component: &Component) -> Result<Box<dyn Sink>, BuildError> {
        self.child(component)?.build_sink()
    }

    fn expr(&self, code: &Code, form: Form) -> Result<Box<dyn Expr>, BuildError> {
        if code.lang.is_empty() && form == Form::Text {
            return Ok(Box::new(plan::expr::Plain(code.text.clone())));
        }
        self.builder.session(&code.lang)?.compile(code, form).map_err(|d| first(&d))
    }

    fn component(&self) -> &Component {
        &self.component
    }

    fn cache(&self, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        self.builder.shared.cache(cache)
    }

    fn rate_limit(&self, limit: &Component) -> Result<Rc<dyn RateLimit>, BuildError> {
        self.builder.shared.limit(limit)
    }

    fn services(&self) -> Rc<dyn Services> {
        self.builder.services.clone()
    }

    fn workshop(&self, drafts: &Drafts) -> Result<Rc<dyn Workshop>, BuildError> {
        let (builder, component) = (Rc::clone(&self.builder), self.component.clone());
        let env = ComponentEnv { builder, component, depth: self.depth };
        Ok(Rc::new(LastingWorkshop::new(env, drafts)?))
    }

    fn meters(&self, part: &str) -> Rc<dyn Meters> {
        let (series, stream) = (self.builder.series.clone(), self.builder.stream.clone());
        Rc::new(ComponentMeters::new(series, stream, &self.component, part))
    }
}

/// The series of one component or of a part of it.
pub(crate) struct ComponentMeters {
    series: Series,
    stream: String,
    component: Component,
}

impl ComponentMeters {
    /// Series of a component, or of its part of this name when it is not empty.
    pub(crate) fn new(series: Series, stream: String, of: &Component, part: &str) -> Self {
        let (label, mut path) = (of.label.clone(), of.path.clone());
        if !part.is_empty() {
            path = format!("{path}.{part}");
        }
        ComponentMeters { series, stream, component: Component { label, path, ..<_>::default() } }
    }

    /// The component's labels and those of one series, which go before them.
    fn all<'a>(&'a self, own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let labels = component_labels(&self.component, &self.stream);
        let free = |(name, _): &(&str, &str)| own.iter().all(|(taken, _)| taken != name);
        labels.into_iter().filter(free).chain(own.iter().copied()).collect()
    }
}

impl Meters for ComponentMeters {
    fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Counter {
        self.series.counter(name, &self.all(labels))
    }

    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Gauge {
        self.series.gauge(name, &self.all(labels))
    }

    fn timing(&self, name: &str, labels: &[(&str, &str)]) -> Timing {
        let timing = self.series.timing(name, &self.all(labels));
        Timing(Rc::new(move |ns, count| timing.record(ns, count)))
    }
}

/// The labels every series of a component has (spec/benthos-components.md §F).
pub(crate) fn component_labels<'a>(
    component: &'a Component,
    stream: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let mut labels = vec![("label", &*component.label), ("path", &*component.path)];
    // A pipeline that runs alone has no name to be told from others by.
    if !stream.is_empty() {
        labels.push(("stream", stream));
    }
    labels
}
