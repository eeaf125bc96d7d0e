//! The system's CA certificates, read at the first TLS handshake: reading them takes longer than the rest of the start, and
//! a process that only calls loopback never needs them.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Verifies servers as the system would.
#[derive(Debug)]
pub(crate) struct SystemRoots {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Verifier>,
}

impl SystemRoots {
    /// # Errors
    /// When the system has no place for CA certificates. Whether there are any is not looked at yet.
    pub(crate) fn find() -> Result<Arc<Self>, Error> {
        let places = openssl_probe::probe();
        if places.cert_file.is_none() && places.cert_dir.is_empty() {
            return Err(Error::General("the system has no CA certificates".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(Arc::new(Self { provider, verifier: OnceLock::new() }))
    }

    /// Reads the certificates, unless that is done.
    ///
    /// # Errors
    /// When there are none that can be read. They are looked for again the next time.
    pub(crate) fn load(&self) -> Result<&Verifier, Error> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(verifier);
        }
        let verifier = Verifier::new(Arc::clone(&self.provider))?;
        Ok(self.verifier.get_or_init(|| verifier))
    }

    /// What a client that trusts them speaks: HTTP/2 where the server has it.
    pub(crate) fn client(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?;
        // "Dangerous" is any verifier that is not rustls' own; this one is, from the first server on.
        let verifier = Arc::clone(self);
        let mut client = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(client)
    }
}

impl ServerCertVerifier for SystemRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.load()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn a_certificate_that_nobody_signed_is_refused_and_the_roots_are_then_there() {
        let roots = SystemRoots::find().unwrap();
        assert!(roots.verifier.get().is_none(), "nothing is read before a server shows a certificate");
        let own = CertificateDer::from(include_bytes!("../../tests/data/tls/self-signed.der").as_slice());
        let name = ServerName::try_from("datastore.googleapis.com").unwrap();
        let verified = roots.verify_server_cert(&own, &[], &name, &[], UnixTime::now());
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(verified.unwrap_err(), unknown);
        assert!(roots.verifier.get().is_some());
        assert!(!roots.supported_verify_schemes().is_empty());
    }
}
