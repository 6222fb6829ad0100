use super::*;
use rcgen::generate_simple_self_signed;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

/// An address to which nobody can connect from anywhere: it is that of many.
const MANY: [u8; 4] = [224, 0, 0, 1];

#[test]
fn a_stack_names_its_paths_and_a_release_from_before_them_has_none() {
    let stack = |document| StackRecord {
        name: "edge".into(),
        document,
    };
    let with = stack(json!({ PROBES: ["/", "/healthz"] }));
    assert_eq!(paths(&with).collect::<Vec<_>>(), ["/", "/healthz"]);
    assert_eq!(paths(&stack(json!({}))).count(), 0);
}

#[test]
fn an_address_may_say_that_it_speaks_tls() {
    assert_eq!(url("10.0.0.1:8080", "/x"), "http://10.0.0.1:8080/x");
    assert_eq!(url("https://stoa.test/", "/x"), "https://stoa.test/x");
}

/// Answers two clients by HTTPS, if they take its certificate.
fn serve_two(listener: &TcpListener, config: ServerConfig) {
    let config = Arc::new(config);
    for stream in listener.incoming().take(2) {
        let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(tls, stream.unwrap());
        // A client that does not take it is gone before it asks.
        if stream.read(&mut [0; 1024]).is_ok() {
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_answer_and_a_good_one_of_the_clusters_own_authority()
 {
    drop(rustls::crypto::ring::default_provider().install_default());
    let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![own.cert.der().clone()], key);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    let server = std::thread::spawn(move || serve_two(&listener, config.unwrap()));

    let here = IpAddr::from([127, 0, 0, 1]);
    let stranger = client(Vec::new(), Some("localhost"), here).unwrap();
    let refused = ask_until(&stranger, &url, Duration::ZERO).await;
    let says =
        |refused: &Refusal| matches!(refused, Refusal::Answer(why) if why.contains("certificate"));
    assert!(refused.as_ref().is_err_and(says), "{refused:?}");
    let authority = Certificate::from_der(own.cert.der()).unwrap();
    let ours = client(vec![authority], Some("localhost"), here).unwrap();
    ask_until(&ours, &url, Duration::ZERO).await.unwrap();
    server.join().unwrap();
}

#[tokio::test]
async fn an_answer_that_comes_late_is_waited_for_and_an_error_is_told_from_silence() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let server = MockServer::start().await;
    let answer =
        |status| Mock::given(matchers::path("/")).respond_with(ResponseTemplate::new(status));
    answer(502).up_to_n_times(1).mount(&server).await;
    answer(204).mount(&server).await;
    let client = Client::new();
    let root = url(&server.uri(), "/");
    ask_until(&client, &root, ANSWER).await.unwrap();

    let wrong = url(&server.uri(), "/nowhere");
    let refused = ask_until(&client, &wrong, Duration::ZERO).await;
    assert!(matches!(refused, Err(Refusal::Answer(answer)) if answer.contains("404")));

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let silent = ask_until(&client, &url(&address, "/"), Duration::ZERO).await;
    assert!(matches!(silent, Err(Refusal::Silence(_))), "{silent:?}");
}

#[tokio::test]
async fn a_name_is_asked_for_at_every_address_that_it_has() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let one = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = one.local_addr().unwrap().port();
    let two = TcpListener::bind(("127.0.0.2", port)).unwrap();
    let name = format!("stoa.test:{port}");
    let mut servers = Vec::new();
    for listener in [one, two] {
        let server = MockServer::builder().listener(listener).start().await;
        Mock::given(matchers::header("host", &*name))
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        servers.push(server);
    }
    let root = Url::parse(&url(&name, "/")).unwrap();
    let places = [[127, 0, 0, 1], [127, 0, 0, 2], MANY].map(IpAddr::from);
    let refused = ask_at(&[], &root, BTreeSet::from(places), &["/x"]).await;
    let [None, None, Some((place, Refusal::NoRoute(_)))] = &refused.unwrap()[..] else {
        panic!("another answer than 204, 204 and none");
    };
    assert_eq!(*place, format!("http://{name}/x at 224.0.0.1"));
    for server in servers {
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_name_leads_to_what_it_has_and_an_address_to_itself() {
    let of = async |url: &str| places(Url::parse(url).unwrap()).await.unwrap();
    assert!(
        of("https://localhost")
            .await
            .iter()
            .all(IpAddr::is_loopback)
    );
    let itself = IpAddr::from([10, 99, 0, 11]);
    assert_eq!(
        of("http://10.99.0.11:8080/").await,
        BTreeSet::from([itself])
    );
}

#[tokio::test]
async fn an_address_in_a_network_that_this_machine_is_not_in_is_not_waited_for() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("http://{}/", IpAddr::from(MANY));
    let refused = ask_until(&Client::new(), &url, Duration::from_hours(1)).await;
    assert!(matches!(refused, Err(Refusal::NoRoute(_))), "{refused:?}");
}
