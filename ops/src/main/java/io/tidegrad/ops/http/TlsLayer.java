package io.tidegrad.ops.http;

import io.helidon.common.buffers.BufferData;
import io.tidegrad.ops.security.ServerCertificate;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/// TLS between a connection's bytes and its requests. Not the server's own: there, a client that fails its handshake
/// keeps a place among the connections for ever and writes a stack trace (Helidon 4.2.0), and one that takes its time
/// has all there is.
final class TlsLayer {
    /// A record holds 16 KiB at most.
    private static final int RECORD_BYTES = 16 * 1024;

    private final SSLSocket socket;
    private final byte[] record = new byte[RECORD_BYTES];

    /// @param in what the client sent; its `SocketTimeoutException` can be read on after
    TlsLayer(SSLContext context, String protocol, InputStream in, OutputStream out) throws IOException {
        socket = (SSLSocket) context.getSocketFactory().createSocket(new Carrier(in, out), (InputStream) null, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setProtocols(ServerCertificate.PROTOCOLS.toArray(String[]::new));
        parameters.setApplicationProtocols(new String[]{protocol});
        socket.setSSLParameters(parameters);
    }

    void handshake() throws IOException {
        socket.startHandshake();
    }

    /// Waits for some; null at the end.
    byte @Nullable [] read() throws IOException {
        int count = socket.getInputStream().read(record);
        return count < 0 ? null : Arrays.copyOf(record, count);
    }

    void write(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    /// Tells the client that this was all.
    void close() throws IOException {
        socket.close();
    }

    /// What TLS takes for the socket below it. The real one is closed by who opened it.
    private static final class Carrier extends Socket {
        private final InputStream in;
        private final OutputStream out;
        private volatile boolean closed;

        Carrier(InputStream in, OutputStream out) {
            this.in = in;
            this.out = out;
        }

        @Override
        public InputStream getInputStream() {
            return in;
        }

        @Override
        public OutputStream getOutputStream() {
            return out;
        }

        @Override
        public boolean isConnected() {
            return true;
        }

        @Override
        public boolean isBound() {
            return true;
        }

        @Override
        public InetAddress getInetAddress() {
            return InetAddress.getLoopbackAddress();
        }

        @Override
        public boolean isClosed() {
            return closed;
        }

        @Override
        public boolean isInputShutdown() {
            return closed;
        }

        @Override
        public boolean isOutputShutdown() {
            return closed;
        }

        @Override
        public void shutdownInput() {
            // The real one's end is enough.
        }

        @Override
        public void shutdownOutput() {
            // The real one's end is enough.
        }

        @Override
        public int getSoTimeout() {
            return 0;
        }

        @Override
        public void setSoTimeout(int millis) {
            // Who waits too long is ended from outside.
        }

        @Override
        public int getSoLinger() {
            return -1;
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    /// One array of what a writer was given: one record rather than one for the headers and one for the body.
    static byte[] together(BufferData... buffers) {
        int length = 0;
        for (BufferData buffer : buffers) {
            length += buffer.available();
        }
        byte[] bytes = new byte[length];
        int at = 0;
        for (BufferData buffer : buffers) {
            int count = buffer.available();
            at += buffer.read(bytes, at, count);
        }
        return bytes;
    }
}
