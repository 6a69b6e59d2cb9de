package io.tidegrad.model.snapshot;

import io.tidegrad.schemas.settings.PemFile;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;

/// Reads Ed25519 keys as written by `openssl genpkey -algorithm ed25519` (PEM); signs and verifies with them.
public final class ManifestKeys {
    private static final String ALGORITHM = "Ed25519";

    private ManifestKeys() {}

    /// Reads a PKCS #8 private key, `-----BEGIN PRIVATE KEY-----`.
    ///
    /// @throws IllegalArgumentException no such key; what was expected and found
    public static PrivateKey privateKey(Path file) {
        byte[] encoded = pem(file, "PRIVATE KEY");
        try {
            return KeyFactory.getInstance(ALGORITHM).generatePrivate(new PKCS8EncodedKeySpec(encoded));
        } catch (GeneralSecurityException e) {
            throw notAKey(file, "a private", e);
        }
    }

    /// Reads an X.509 SubjectPublicKeyInfo, `-----BEGIN PUBLIC KEY-----`.
    ///
    /// @throws IllegalArgumentException no such key; what was expected and found
    public static PublicKey publicKey(Path file) {
        byte[] encoded = pem(file, "PUBLIC KEY");
        try {
            return KeyFactory.getInstance(ALGORITHM).generatePublic(new X509EncodedKeySpec(encoded));
        } catch (GeneralSecurityException e) {
            throw notAKey(file, "a public", e);
        }
    }

    private static IllegalArgumentException notAKey(Path file, String kind, GeneralSecurityException e) {
        return new IllegalArgumentException(
                file + ": expected " + kind + " key of " + ALGORITHM + ", found another: " + e.getMessage(), e);
    }

    private static byte[] pem(Path file, String what) {
        String text = PemFile.text(file);
        String begin = "-----BEGIN " + what + "-----";
        int from = text.indexOf(begin);
        int to = text.indexOf("-----END " + what + "-----");
        if (from < 0 || to < from) {
            throw new IllegalArgumentException(file + ": expected a line " + begin + " and its end, found none");
        }
        try {
            return Base64.getMimeDecoder().decode(text.substring(from + begin.length(), to));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": expected base64 after " + begin + ", found: " + e.getMessage(),
                    e);
        }
    }

    static byte[] sign(PrivateKey key, byte[] bytes) {
        try {
            Signature signature = Signature.getInstance(ALGORITHM);
            signature.initSign(key);
            signature.update(bytes);
            return signature.sign();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("a key that was read as " + ALGORITHM, e);
        }
    }

    static boolean isSignature(PublicKey key, byte[] bytes, byte[] signed) {
        try {
            Signature signature = Signature.getInstance(ALGORITHM);
            signature.initVerify(key);
            signature.update(bytes);
            return signature.verify(signed);
        } catch (GeneralSecurityException malformed) {
            return false;
        }
    }
}
