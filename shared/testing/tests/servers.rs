//! What a test gets is its own, empty, and gone afterwards.

use sqlx::{Connection, PgConnection, Row};
use stoa_testing::{amqp, postgres, redis as test_redis};

#[tokio::test]
async fn a_database_is_empty_and_dropped_with_its_value() {
    let database = postgres::database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let row = sqlx::raw_sql(query)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);

    let url = database.url.clone();
    drop(database);
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn two_tests_never_share_a_redis_database() {
    let first = test_redis::database().await;
    let second = test_redis::database().await;
    assert_ne!(first.url, second.url);
    assert_eq!(size(&first.url), 0);
}

#[tokio::test]
async fn a_redis_database_is_empty_when_it_is_taken_again() {
    let first = test_redis::database().await;
    let client = redis::Client::open(first.url.as_str()).unwrap();
    redis::cmd("SET")
        .arg("left")
        .arg("over")
        .exec(&mut client.get_connection().unwrap())
        .unwrap();
    drop(first);
    let second = test_redis::database().await;
    assert_eq!(size(&second.url), 0);
}

#[tokio::test]
async fn two_tests_never_share_a_namespace_on_the_broker() {
    assert_ne!(
        amqp::broker().await.namespace,
        amqp::broker().await.namespace
    );
}

fn size(url: &str) -> usize {
    let client = redis::Client::open(url).expect("the URL is valid");
    let mut connection = client.get_connection().expect("the server answers");
    redis::cmd("DBSIZE")
        .query(&mut connection)
        .expect("the server counts its keys")
}
