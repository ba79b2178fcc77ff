//! SQL of the price rows that a calculation chooses from: one statement for the lines of a quote, one for a batch of variants.

use std::collections::HashMap;

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Country, Currency, PriceId, PriceListId, Rounding, TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Candidate, ListTerms, QuoteContext};
use crate::bounded::{Code, ListPriority};
use crate::price_list::PriceListStatus;
use crate::settings::rounding_from_text;

/// The rows for the lines of a quote, and the settings of the tenant.
#[derive(Debug)]
pub struct LineCandidates {
    /// The rows of each line, in the order of the lines.
    pub candidates: Vec<Vec<Candidate>>,
    pub rounding: Rounding,
    /// The version that a cached tax table must have been read at.
    pub tax_version: i64,
}

/// The candidates of all lines (variant, quantity), and the tenant's settings even when there are no lines. With `explain`
/// also the rows that cannot win.
pub async fn candidates_of_lines(
    db: &Db,
    tenant: TenantId,
    lines: &[(VariantId, i64)],
    context: &QuoteContext,
    explain: bool,
) -> Result<LineCandidates, Fault> {
    let variants: Vec<Uuid> = lines.iter().map(|(variant, _)| variant.uuid()).collect();
    let quantities: Vec<i64> = lines.iter().map(|(_, quantity)| *quantity).collect();
    let rows = db.read_once(|connection| {
        let rows = sqlx::query!(
            r#"select line.ord as "ord?", s.rounding as "rounding?", s.tax_version as "tax_version?",
                  c.price_id as "price_id?: PriceId", c.min_quantity as "min_quantity?", c.amount as "amount?",
                  c.id as "list_id?: PriceListId", c.code as "code?: Code", c.currency as "currency?: Currency",
                  c.channel_id as "channel_id?: ChannelId", c.gross as "gross?", c.tax_country as "tax_country?: Country",
                  c.starts_at as "starts_at?", c.ends_at as "ends_at?", c.priority as "priority?: ListPriority",
                  c.status as "status?: PriceListStatus"
           from (select set_config('bloom.tenant', $7, false)::uuid as id offset 0) tenant
           left join lateral (select * from settings where settings.tenant_id = tenant.id offset 0) s on true
           left join unnest($1::uuid[], $2::int8[]) with ordinality line(variant_id, quantity, ord) on true
           left join lateral (
             select p.id as price_id, p.min_quantity, p.amount, l.*,
                    coalesce(l.status = 'active' and l.currency = $3 and (l.channel_id is null or l.channel_id = $4)
                      and (l.starts_at is null or l.starts_at <= $5) and (l.ends_at is null or $5 < l.ends_at)
                      and p.min_quantity <= line.quantity, false) as fits
             from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
             where p.tenant_id = tenant.id and p.variant_id = line.variant_id
             offset 0
           ) c on c.fits or $6
           order by line.ord"#,
            &variants,
            &quantities,
            context.currency.as_str(),
            context.channel_id.map(ChannelId::uuid),
            context.now,
            explain,
            tenant.uuid().to_string(),
        );
        Box::pin(rows.fetch_all(connection))
    });
    let rows = rows.await?;
    let mut read = LineCandidates { candidates: vec![Vec::new(); lines.len()], rounding: Rounding::default(), tax_version: 0 };
    for row in rows {
        read.rounding = row.rounding.as_deref().map(rounding_from_text).unwrap_or_default();
        read.tax_version = row.tax_version.unwrap_or_default();
        let candidate = (|| {
            let list = ListTerms {
                id: row.list_id?,
                code: row.code?,
                currency: row.currency?,
                channel_id: row.channel_id,
                gross: row.gross?,
                tax_country: row.tax_country,
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                priority: row.priority?,
                status: row.status?,
            };
            Some(Candidate { price_id: row.price_id?, list, min_quantity: row.min_quantity?, amount: row.amount? })
        })();
        let line = row.ord.and_then(|ord| read.candidates.get_mut(usize::try_from(ord - 1).ok()?));
        if let Some((candidate, line)) = candidate.zip(line) {
            line.push(candidate);
        }
    }
    Ok(read)
}

/// The rows of variants that can price one unit at this moment, in any currency and channel.
pub async fn candidates_of_variants(
    conn: &mut PgConnection,
    variants: &[VariantId],
    now: Timestamp,
) -> sqlx::Result<HashMap<VariantId, Vec<Candidate>>> {
    let ids: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
    let rows = sqlx::query!(
        r#"select p.variant_id as "variant_id: VariantId", p.id as "price_id: PriceId", p.min_quantity, p.amount,
                  l.id as "list_id: PriceListId", l.code as "code: Code", l.currency as "currency: Currency",
                  l.channel_id as "channel_id: ChannelId", l.gross, l.tax_country as "tax_country: Country", l.starts_at,
                  l.ends_at, l.priority as "priority: ListPriority", l.status as "status: PriceListStatus"
           from price p join price_list l on l.tenant_id = p.tenant_id and l.id = p.price_list_id
           where p.variant_id = any($1) and p.min_quantity = 1 and l.status = 'active'
             and (l.starts_at is null or l.starts_at <= $2) and (l.ends_at is null or $2 < l.ends_at)"#,
        &ids,
        now,
    )
    .fetch_all(conn)
    .await?;
    let mut found: HashMap<VariantId, Vec<Candidate>> = HashMap::new();
    for row in rows {
        let list = ListTerms {
            id: row.list_id,
            code: row.code,
            currency: row.currency,
            channel_id: row.channel_id,
            gross: row.gross,
            tax_country: row.tax_country,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            priority: row.priority,
            status: row.status,
        };
        let candidate = Candidate { price_id: row.price_id, list, min_quantity: row.min_quantity, amount: row.amount };
        found.entry(row.variant_id).or_default().push(candidate);
    }
    Ok(found)
}
