package io.tidegrad.ops.security;

import io.tidegrad.schemas.settings.PemFile;
import java.io.ByteArrayInputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Who this server is to clients over TLS: a chain of certificates and its private key, read again when the files
/// change, so that a certificate is renewed without a restart. Connections that are open keep theirs.
public final class ServerCertificate extends X509ExtendedKeyManager {
    private static final Logger log = LoggerFactory.getLogger(ServerCertificate.class);

    /// What is older has known holes.
    public static final List<String> PROTOCOLS = List.of("TLSv1.3", "TLSv1.2");

    private final Map<String, Identity> identities = new ConcurrentHashMap<>();
    private final AtomicInteger reads = new AtomicInteger();
    private final ReadAgain<Identity> current;

    /// @param certificates PEM: the server's own, then each one's issuer
    /// @param privateKey PEM, PKCS #8
    /// @throws IllegalArgumentException no certificate and its key; what was expected and found
    public ServerCertificate(Path certificates, Path privateKey, LongSupplier nanoTime) {
        current = new ReadAgain<>(List.of(certificates, privateKey), () -> read(certificates, privateKey), nanoTime);
    }

    /// @param alias a handshake asks for chain and key by it, one after the other: both are of one reading
    private record Identity(String alias, List<X509Certificate> chain, PrivateKey key) {
    }

    private Identity read(Path certificates, Path privateKey) {
        List<X509Certificate> chain = chain(certificates);
        X509Certificate own = chain.getFirst();
        PrivateKey key = key(privateKey, certificates, own);
        try {
            own.checkValidity();
        } catch (CertificateException e) {
            log.warn("{}: clients refuse this certificate: it holds from {} to {}", certificates,
                    own.getNotBefore().toInstant(), own.getNotAfter().toInstant());
        }
        int read = reads.incrementAndGet();
        Identity identity = new Identity(Integer.toString(read), chain, key);
        identities.put(identity.alias(), identity);
        identities.remove(Integer.toString(read - 2));
        return identity;
    }

    private static List<X509Certificate> chain(Path file) {
        List<byte[]> blocks = pem(file, "CERTIFICATE");
        List<X509Certificate> chain = new ArrayList<>();
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            for (byte[] block : blocks) {
                chain.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(block)));
            }
        } catch (CertificateException e) {
            throw new IllegalArgumentException(file + ": expected X.509 certificates, found: " + e.getMessage(), e);
        }
        for (int i = 1; i < chain.size(); i++) {
            if (!chain.get(i - 1).getIssuerX500Principal().equals(chain.get(i).getSubjectX500Principal())) {
                throw new IllegalArgumentException(
                        file + ": expected the server's certificate, then each one's issuer; found that certificate "
                                + (i + 1) + " did not issue the one before it");
            }
        }
        return List.copyOf(chain);
    }

    private static PrivateKey key(Path file, Path certificates, X509Certificate certificate) {
        byte[] encoded = pem(file, "PRIVATE KEY").getFirst();
        String algorithm = certificate.getPublicKey().getAlgorithm();
        String signing = switch (algorithm) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            case "EdDSA" -> "EdDSA";
            default -> throw new IllegalArgumentException(
                    certificates + ": expected a certificate of an RSA, EC or EdDSA key, found " + algorithm);
        };
        try {
            PrivateKey key = KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
            Signature signature = Signature.getInstance(signing);
            signature.initSign(key);
            byte[] probe = certificates.toString().getBytes(StandardCharsets.UTF_8);
            signature.update(probe);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            signature.update(probe);
            if (signature.verify(signed)) {
                return key;
            }
        } catch (GeneralSecurityException e) {
            // Of another algorithm or curve, or none at all: said below.
            log.debug("not a key of {}", algorithm, e);
        }
        throw new IllegalArgumentException(file + ": expected the private key (" + algorithm
                + ") of the certificate in " + certificates + ", found another");
    }

    /// At least one.
    private static List<byte[]> pem(Path file, String what) {
        String text = PemFile.text(file);
        List<byte[]> blocks = new ArrayList<>();
        Matcher block = Pattern.compile("-----BEGIN %1$s-----([A-Za-z0-9+/=\\s]*)-----END %1$s-----".formatted(what))
                .matcher(text);
        while (block.find()) {
            try {
                blocks.add(Base64.getMimeDecoder().decode(block.group(1)));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        file + ": expected base64 between the lines, found: " + e.getMessage(), e);
            }
        }
        if (blocks.isEmpty()) {
            throw new IllegalArgumentException(file + ": expected -----BEGIN " + what + "----- and its end, found none"
                    + (text.contains(" PRIVATE KEY-----")
                            ? "; `openssl pkcs8 -topk8 -nocrypt` makes one of another format" : ""));
        }
        return blocks;
    }

    /// For connections that begin; each handshake takes the certificate of that moment.
    public SSLContext context() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(new KeyManager[]{this}, new TrustManager[0], null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has TLS", e);
        }
    }

    /// Of signatures: `EC`, or in TLS 1.2 with who signed the certificate, `EC_RSA`.
    private @Nullable String alias(String keyType) {
        Identity now = current.get();
        return now.key().getAlgorithm().equals(keyType.split("_")[0]) ? now.alias() : null;
    }

    @Override
    public @Nullable String chooseEngineServerAlias(String keyType, Principal @Nullable [] issuers, SSLEngine engine) {
        return alias(keyType);
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal @Nullable [] issuers, Socket socket) {
        return alias(keyType);
    }

    @Override
    public X509Certificate @Nullable [] getCertificateChain(String alias) {
        Identity identity = identities.get(alias);
        return identity == null ? null : identity.chain().toArray(X509Certificate[]::new);
    }

    @Override
    public @Nullable PrivateKey getPrivateKey(String alias) {
        Identity identity = identities.get(alias);
        return identity == null ? null : identity.key();
    }

    @Override
    public String @Nullable [] getServerAliases(String keyType, Principal @Nullable [] issuers) {
        String alias = alias(keyType);
        return alias == null ? null : new String[]{alias};
    }

    @Override
    public String @Nullable [] getClientAliases(String keyType, Principal @Nullable [] issuers) {
        return null;
    }

    @Override
    public @Nullable String chooseClientAlias(String[] keyType, Principal @Nullable [] issuers, Socket socket) {
        return null;
    }
}
