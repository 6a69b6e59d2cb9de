package io.tidegrad.proof;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// A certificate that signs itself, as PEM files, and what trusts it.
///
/// @param certificate file
/// @param privateKey file
public record TestCertificates(Path certificate, Path privateKey) {
    private static final String PASSWORD = "keystore";

    /// @param options of keytool: `-keyalg EC`, `-startdate -9d -validity 1`
    public static TestCertificates make(Path directory, String name, String options)
            throws IOException, InterruptedException, GeneralSecurityException {
        Path keyStore = directory.resolve(name + ".p12");
        List<String> line =
                new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        line.addAll(List
                .of(("-genkeypair -alias x -dname CN=" + name + " -ext san=ip:127.0.0.1 -storetype PKCS12 -storepass "
                        + PASSWORD + " -keystore " + keyStore + " " + options).split(" ")));
        Process keytool = new ProcessBuilder(line).redirectErrorStream(true).start();
        String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (keytool.waitFor() != 0) {
            throw new IllegalStateException(said);
        }
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(keyStore)) {
            keys.load(in, PASSWORD.toCharArray());
        }
        return new TestCertificates(
                pem(directory.resolve(name + ".pem"), "CERTIFICATE", keys.getCertificate("x").getEncoded()),
                pem(directory.resolve(name + ".key"), "PRIVATE KEY",
                        keys.getKey("x", PASSWORD.toCharArray()).getEncoded()));
    }

    public static Path pem(Path file, String what, byte[] encoded) throws IOException {
        String base64 = Base64.getMimeEncoder(64, new byte[]{'\n'}).encodeToString(encoded);
        return Files.writeString(file, "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n".formatted(what, base64));
    }

    public String[] settings() {
        return new String[]{"--tls-certificate", certificate.toString(), "--tls-private-key", privateKey.toString()};
    }

    /// For a client that trusts these and nobody else.
    public static SSLContext trusting(TestCertificates... trusted) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (TestCertificates one : trusted) {
            store.setCertificateEntry(one.certificate().toString(), one.x509());
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), new SecureRandom());
        return context;
    }

    private X509Certificate x509() throws IOException, GeneralSecurityException {
        try (InputStream in = Files.newInputStream(certificate)) {
            return (X509Certificate) java.security.cert.CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }
}
