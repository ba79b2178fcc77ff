//! The zone of a destination.

use bloom_kernel::TaxZoneId;

use crate::place::{Destination, TaxArea, TaxPostalCode, TaxRegion};
use crate::quote::tests::builders::{country, id};
use crate::tax::{CountryTaxes, TaxZoneSummary};

#[test]
fn the_narrowest_area_decides_the_zone() {
    let zone = |number: u128| TaxZoneSummary { id: id::<TaxZoneId>(number), name: number.to_string() };
    let area = |region: Option<&str>, prefix: Option<&str>| TaxArea {
        country: country("US"),
        region: region.map(|code| TaxRegion::new(code).unwrap()),
        postal_prefix: prefix.map(|code| TaxPostalCode::new(code).unwrap()),
    };
    let areas = vec![
        (area(None, None), zone(1)),
        (area(Some("NY"), None), zone(2)),
        (area(None, Some("100")), zone(3)),
        (area(Some("NY"), Some("100")), zone(4)),
        (area(Some("NY"), Some("10001")), zone(5)),
    ];
    let table = CountryTaxes { areas, ..CountryTaxes::default() };
    let found = |region: Option<&str>, code: Option<&str>| {
        let destination = Destination {
            country: country("US"),
            region: region.map(|code| TaxRegion::new(code).unwrap()),
            postal_code: code.map(|code| TaxPostalCode::new(code).unwrap()),
        };
        table.zone_of(&destination).unwrap().name.clone()
    };
    assert_eq!(found(None, None), "1");
    assert_eq!(found(Some("ny"), None), "2");
    assert_eq!(found(None, Some("10 0-99")), "3");
    assert_eq!(found(Some("NY"), Some("10099")), "4");
    assert_eq!(found(Some("NY"), Some("10001-1234")), "5");
    assert_eq!(found(Some("CA"), Some("90001")), "1");
    assert!(table.zone_of(&Destination::of_country(country("CA"))).is_none());
}
