//! What the name of an image says.

/// `registry.test:5000/stoa/api:1.2@sha256:..`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Image {
    /// Without the registry: `stoa/api`.
    pub(super) repository: String,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

impl Image {
    /// Reads the name of an image of `namespace`, which is a registry and the path in it that is the platform's.
    /// Nothing if it lies elsewhere.
    pub(super) fn parse(name: &str, namespace: &str) -> Option<Self> {
        let (host, _) = namespace.split_once('/')?;
        name.strip_prefix(namespace)?.strip_prefix('/')?;
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (name, None),
        };
        let path = name.strip_prefix(host)?.strip_prefix('/')?;
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        Some(Self {
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: &str = "r.test:5000/stoa";

    #[test]
    fn an_image_is_taken_apart() {
        let image = Image::parse("r.test:5000/stoa/prom/prometheus:v2@sha256:ab", NAMESPACE);
        let expected = Image {
            repository: "stoa/prom/prometheus".into(),
            tag: Some("v2".into()),
            digest: Some("sha256:ab".into()),
        };
        assert_eq!(image, Some(expected));
        let bare = Image::parse("r.test:5000/stoa/api", NAMESPACE).unwrap();
        assert_eq!((bare.tag, bare.digest), (None, None));
    }

    #[test]
    fn images_of_others_are_none() {
        for other in [
            "r.test:5000/stoanna/api:1",
            "r.test:5000/other/api:1",
            "postgres:17",
            "r.test/stoa/api",
        ] {
            assert_eq!(Image::parse(other, NAMESPACE), None, "{other}");
        }
    }
}
