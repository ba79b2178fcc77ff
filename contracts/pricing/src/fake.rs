//! Pricing in memory, for tests of its callers: base prices with tiers, tax classes, and one tax rate for all classes and
//! countries. [`assert_contract`](crate::contract::assert_contract) runs against it and against the service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::{Rate, Rounding, TaxClassId, TenantId};
use bloom_runtime::{ServiceContext, signed_context};
use tonic::{Request, Response, Status};

use crate::pricing_server::{Pricing, PricingServer};
use crate::{
    FindTaxClassesReply, FindTaxClassesRequest, QuoteReply, QuoteRequest, QuotedLine, SetPricesReply, SetPricesRequest, TaxLine,
    TaxSummary,
};

/// A running fake; clones share their state.
#[derive(Clone)]
pub struct FakePricing {
    context: ServiceContext,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Amounts by tenant, variant, currency and the quantity that they hold from.
    prices: BTreeMap<(TenantId, String, String, i64), i64>,
    tax_classes: BTreeSet<(TenantId, String)>,
    rate: Rate,
}

impl FakePricing {
    /// Serves `pricing` in memory for the peers of this context until its shutdown.
    pub fn serve(context: &ServiceContext, rate: Rate) -> Self {
        let fake = Self { context: context.clone(), state: Arc::new(Mutex::new(State { rate, ..State::default() })) };
        let (listener, stop) = (context.peers.in_memory("pricing"), context.shutdown.clone());
        let app = tonic::service::Routes::new(PricingServer::new(fake.clone())).prepare().into_axum_router();
        #[expect(clippy::disallowed_methods, reason = "a server of a test, which ends with it")]
        tokio::spawn(async move {
            let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
        });
        fake
    }

    /// Adds a tax class to a tenant.
    pub fn add_tax_class(&self, tenant: TenantId, id: TaxClassId) {
        self.with(|state| state.tax_classes.insert((tenant, id.to_string())));
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tenant<T>(&self, request: &Request<T>) -> Result<TenantId, Status> {
        let token = request.metadata().get(signed_context::HEADER).and_then(|token| token.to_str().ok());
        let claims = token.and_then(|token| signed_context::verify(&self.context.keys, token, self.context.platform_now()));
        claims.map(|claims| claims.tenant).ok_or_else(|| Status::unauthenticated("the call has no valid context"))
    }
}

impl State {
    /// Unit and line amounts; `None` when one does not fit into 64 bits.
    fn priced(&self, line_id: String, unit: i64, quantity: i64, gross: bool) -> Option<QuotedLine> {
        let line = unit.checked_mul(quantity)?;
        let net = if gross { self.rate.net_of_gross(line, Rounding::HalfUp) } else { line };
        let tax = if gross { line - net } else { self.rate.of(net, Rounding::HalfUp) };
        let (name, rate_ppm) = ("GST".to_owned(), self.rate.ppm());
        Some(QuotedLine {
            line_id,
            priced: true,
            unit_amount: unit,
            line_amount: line,
            net_amount: net,
            tax_amount: tax,
            gross_amount: net.checked_add(tax)?,
            taxes: vec![TaxLine { name, rate_ppm, taxable_amount: net, tax_amount: tax, ..TaxLine::default() }],
            ..QuotedLine::default()
        })
    }

    fn quote(&self, tenant: TenantId, request: QuoteRequest) -> Result<QuoteReply, Fault> {
        let knows = |class: &str| class.is_empty() || self.tax_classes.contains(&(tenant, class.to_owned()));
        let unknown = |pointer| Fault::not_found("tax class").at(pointer, ViolationCode::Unknown, "There is no such tax class.");
        let too_large = || Fault::new(Code::Unprocessable, "amount_out_of_range", "An amount does not fit into 64 bits.");
        let mut reply = QuoteReply { currency: request.currency.clone(), ..QuoteReply::default() };
        for (at, line) in request.lines.into_iter().enumerate() {
            if !knows(&line.tax_class_id) {
                return Err(unknown(format!("/lines/{at}/tax_class_id")));
            }
            let key = |quantity| (tenant, line.variant_id.clone(), request.currency.clone(), quantity);
            reply.lines.push(match self.prices.range(key(0)..=key(line.quantity)).next_back() {
                Some((_, unit)) => self.priced(line.line_id, *unit, line.quantity, request.gross).ok_or_else(too_large)?,
                None => QuotedLine { line_id: line.line_id, ..QuotedLine::default() },
            });
        }
        if let Some(charge) = request.delivery {
            if !knows(&charge.tax_class_id) {
                return Err(unknown("/delivery/tax_class_id".to_owned()));
            }
            reply.delivery = self.priced(String::new(), charge.amount, 1, request.gross);
        }
        let sum = |amount: fn(&QuotedLine) -> i64, lines: &[QuotedLine]| {
            lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(amount(line))).ok_or_else(too_large)
        };
        reply.subtotal = sum(|line| line.line_amount, &reply.lines)?;
        reply.delivery_total = reply.delivery.as_ref().map_or(0, |charge| charge.line_amount);
        let parts: Vec<QuotedLine> = reply.lines.iter().chain(&reply.delivery).cloned().collect();
        reply.tax_total = sum(|line| line.tax_amount, &parts)?;
        reply.total = sum(|line| line.gross_amount, &parts)?;
        let (taxable_amount, tax_amount) = (sum(|line| line.net_amount, &parts)?, reply.tax_total);
        reply.taxes = vec![TaxSummary { name: "GST".to_owned(), rate_ppm: self.rate.ppm(), taxable_amount, tax_amount }];
        Ok(reply)
    }
}

#[tonic::async_trait]
impl Pricing for FakePricing {
    async fn quote(&self, request: Request<QuoteRequest>) -> Result<Response<QuoteReply>, Status> {
        let tenant = self.tenant(&request)?;
        Ok(Response::new(self.with(|state| state.quote(tenant, request.into_inner()))?))
    }

    async fn set_prices(&self, request: Request<SetPricesRequest>) -> Result<Response<SetPricesReply>, Status> {
        let tenant = self.tenant(&request)?;
        let mut changed = 0;
        for row in request.into_inner().prices {
            let key = (tenant, row.variant_id, row.currency, row.min_quantity);
            changed += i64::from(self.with(|state| state.prices.insert(key, row.amount)) != Some(row.amount));
        }
        Ok(Response::new(SetPricesReply { changed }))
    }

    async fn find_tax_classes(&self, request: Request<FindTaxClassesRequest>) -> Result<Response<FindTaxClassesReply>, Status> {
        let tenant = self.tenant(&request)?;
        let known = |id: &String| self.with(|state| state.tax_classes.contains(&(tenant, id.clone())));
        let tax_class_ids = request.into_inner().tax_class_ids.into_iter().filter(known).collect();
        Ok(Response::new(FindTaxClassesReply { tax_class_ids }))
    }
}
