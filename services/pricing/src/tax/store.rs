//! SQL of the tax tables of countries: one statement.

use bloom_kernel::{Country, TaxClassId, TaxRateId, TaxZoneId};
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{Class, CountryTaxes, DueRate, TaxZoneSummary};
use crate::place::{TaxArea, TaxPostalCode, TaxRegion};
use crate::tax_rate::rate_from_ppm;

#[derive(Debug, Deserialize)]
struct ClassDoc {
    id: String,
    is_default: bool,
}

#[derive(Debug, Deserialize)]
struct AreaDoc {
    region: Option<TaxRegion>,
    postal_prefix: Option<TaxPostalCode>,
    zone_id: String,
    zone: String,
}

#[derive(Debug, Deserialize)]
struct RateDoc {
    id: String,
    zone_id: String,
    class_id: String,
    name: String,
    ppm: i32,
}

/// The tables of these countries; that of a country without zones holds the classes only.
pub async fn taxes_of_countries(conn: &mut PgConnection, countries: &[Country]) -> sqlx::Result<Vec<(Country, CountryTaxes)>> {
    let codes: Vec<String> = countries.iter().map(|country| country.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"select wanted as "country!: Country",
                  (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'is_default', is_default)), '[]')
                   from tax_class) as "classes!: Json<Vec<ClassDoc>>",
                  (select coalesce(jsonb_agg(jsonb_build_object(
                            'region', nullif(a.region, ''), 'postal_prefix', nullif(a.postal_prefix, ''),
                            'zone_id', z.id, 'zone', z.name)), '[]')
                   from tax_zone_area a join tax_zone z on z.tenant_id = a.tenant_id and z.id = a.zone_id
                   where a.country = wanted::bpchar) as "areas!: Json<Vec<AreaDoc>>",
                  (select coalesce(jsonb_agg(jsonb_build_object(
                            'id', r.id, 'zone_id', r.zone_id, 'class_id', r.class_id, 'name', r.name, 'ppm', r.rate_ppm)
                            order by r.id), '[]')
                   from tax_rate r
                   where r.zone_id in (select a.zone_id from tax_zone_area a where a.country = wanted::bpchar)) as "rates!: Json<Vec<RateDoc>>"
           from unnest($1::text[]) wanted"#,
        &codes,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let taxes = table(&row.country, row.classes.0, row.areas.0, row.rates.0);
            Ok((row.country, taxes.map_err(|error| sqlx::Error::Decode(error.into()))?))
        })
        .collect()
}

fn table(
    country: &Country,
    classes: Vec<ClassDoc>,
    areas: Vec<AreaDoc>,
    rates: Vec<RateDoc>,
) -> Result<CountryTaxes, uuid::Error> {
    fn id<T: From<Uuid>>(text: &str) -> Result<T, uuid::Error> {
        Uuid::parse_str(text).map(T::from)
    }
    let classes = classes.into_iter().map(|class| Ok(Class { id: id::<TaxClassId>(&class.id)?, is_default: class.is_default }));
    let areas = areas.into_iter().map(|area| {
        let zone = TaxZoneSummary { id: id::<TaxZoneId>(&area.zone_id)?, name: area.zone };
        Ok((TaxArea { country: country.clone(), region: area.region, postal_prefix: area.postal_prefix }, zone))
    });
    let rates = rates.into_iter().map(|due| {
        Ok(DueRate {
            id: id::<TaxRateId>(&due.id)?,
            zone_id: id(&due.zone_id)?,
            class_id: id(&due.class_id)?,
            name: due.name,
            rate: rate_from_ppm(due.ppm),
        })
    });
    Ok(CountryTaxes {
        classes: classes.collect::<Result<_, uuid::Error>>()?,
        areas: areas.collect::<Result<_, uuid::Error>>()?,
        rates: rates.collect::<Result<_, uuid::Error>>()?,
    })
}
