//! The invariants of stock as queries that find violations, over all tenants. They run as the system role.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

/// One sentence with ids per violation.
type Found = sqlx::Result<Vec<String>>;

/// Items whose levels are not the sums of their movements.
pub async fn levels_differ(conn: &mut PgConnection) -> Found {
    sqlx::query_scalar!(
        r#"select format('tenant %s, variant %s, location %s: levels (%s, %s, %s), movements (%s, %s, %s)', tenant_id,
               variant_id, location_id, i.on_hand, i.allocated, i.held, coalesce(m.on_hand, 0),
               coalesce(m.allocated, 0), coalesce(m.held, 0)) as "detail!"
           from stock_item i
           full join (
               select tenant_id, variant_id, location_id, sum(on_hand_delta) as on_hand,
                   sum(allocated_delta) as allocated, sum(held_delta) as held
               from movement group by tenant_id, variant_id, location_id
           ) m using (tenant_id, variant_id, location_id)
           where (i.on_hand, i.allocated, i.held)
               is distinct from (coalesce(m.on_hand, 0), coalesce(m.allocated, 0), coalesce(m.held, 0))
           limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Items that promise more units than are on hand or may be back-ordered, except for what a count has found missing.
pub async fn promises_exceed(conn: &mut PgConnection) -> Found {
    sqlx::query_scalar!(
        r#"select format('tenant %s, variant %s, location %s: %s promised of %s on hand and %s to back-order', tenant_id,
               variant_id, location_id, allocated + held, on_hand, backorder_limit) as "detail!"
           from stock_item
           where allocated < 0 or held < 0 or on_hand < 0
               or allocated + held > on_hand + backorder_limit + shortfall
           limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Items whose held units differ from the sum of their active lines.
pub async fn held_differs(conn: &mut PgConnection) -> Found {
    sqlx::query_scalar!(
        r#"select format('tenant %s, variant %s, location %s: %s held, %s in active lines', tenant_id, variant_id,
               location_id, i.held, coalesce(l.units, 0)) as "detail!"
           from stock_item i
           full join (
               select tenant_id, variant_id, location_id, sum(quantity) as units
               from hold_line where active group by tenant_id, variant_id, location_id
           ) l using (tenant_id, variant_id, location_id)
           where coalesce(i.held, 0) <> coalesce(l.units, 0)
           limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Lines without exactly one movement for their start, with a wrong number of movements for their end (none while the line is
/// active, one afterwards), or active although their hold has ended.
pub async fn ends_differ(conn: &mut PgConnection) -> Found {
    sqlx::query_scalar!(
        r#"select format('tenant %s, hold %s (%s), line %s: %s', l.tenant_id, l.hold_id, h.status, l.position,
               case when l.active then 'active' else 'ended' end
                   || format(', began %s times, ended %s times', coalesce(m.begins, 0), coalesce(m.ends, 0))) as "detail!"
           from hold_line l
           join hold h on (h.tenant_id, h.id) = (l.tenant_id, l.hold_id)
           left join (
               select tenant_id, hold_id, hold_position, count(*) filter (where 0 < held_delta) as begins,
                   count(*) filter (where held_delta < 0) as ends, count(*) filter (where kind = 'allocated') as allocations
               from movement where hold_id is not null group by tenant_id, hold_id, hold_position
           ) m on (m.tenant_id, m.hold_id, m.hold_position) = (l.tenant_id, l.hold_id, l.position)
           where (l.active and h.status <> 'active')
               or coalesce(m.begins, 0) <> 1
               or coalesce(m.ends, 0) <> (case when l.active then 0 else 1 end)
               or coalesce(m.allocations, 0) <> (case when h.status = 'committed' then 1 else 0 end)
           limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Orders that have shipped or released more units of an item than were allocated to them.
pub async fn allocations_negative(conn: &mut PgConnection) -> Found {
    sqlx::query_scalar!(
        r#"select format('tenant %s, order %s, variant %s, location %s: %s allocated', tenant_id, order_id, variant_id,
               location_id, sum(allocated_delta)) as "detail!"
           from movement where order_id is not null
           group by tenant_id, order_id, variant_id, location_id
           having sum(allocated_delta) < 0
           limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// Variants whose changes are not published.
async fn stock_unpublished(conn: &mut PgConnection) -> Found {
    sqlx::query_scalar!(
        r#"select format('tenant %s, variant %s: %s changes', tenant_id, variant_id, count(*)) as "detail!"
           from stock_dirty group by tenant_id, variant_id limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// The longest time that the publisher of stock events may take.
const PUBLISHED_WITHIN: Duration = Duration::from_millis(2_500);

/// Variants whose changes have been unpublished for a while. A change is normally published within milliseconds.
pub async fn stock_long_unpublished(conn: &mut PgConnection) -> Found {
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    loop {
        let found = stock_unpublished(conn).await?;
        if found.is_empty() || deadline < Instant::now() {
            return Ok(found);
        }
        tokio::time::sleep(PUBLISHED_WITHIN / 50).await;
    }
}
