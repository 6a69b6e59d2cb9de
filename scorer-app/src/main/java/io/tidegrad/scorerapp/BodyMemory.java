package io.tidegrad.scorerapp;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/// Bounds the memory that the bodies of all requests take together while they are read and processed. A body counts
/// with the bytes that have arrived and not with its declared length. Its first 16 KiB are free, so that small requests
/// are read however much large ones take.
final class BodyMemory {
    static final int FREE_BYTES = 16 * 1024;

    private final long maxBytes;
    private final AtomicLong takenByAll = new AtomicLong();

    /// @param maxBytes bound on all bodies together, without the free part of each
    BodyMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /// Returns the bytes of all bodies, without the free part of each.
    long taken() {
        return takenByAll.get();
    }

    /// The memory of one body. It must be closed when nothing of the body is needed any more. Used by one thread at a
    /// time.
    final class Share implements AutoCloseable {
        private long taken;

        /// @param bytes total size of the body
        /// @throws HttpProblem `overloaded`; the body then takes as much as before
        void grow(long bytes) {
            long more = Math.max(0, bytes - FREE_BYTES) - taken;
            if (takenByAll.addAndGet(more) > maxBytes) {
                takenByAll.addAndGet(-more);
                throw new HttpProblem(ProblemReason.OVERLOADED,
                        "the bodies of the requests in progress take all of their memory (max-bodies-bytes);"
                                + " ask again later");
            }
            taken += more;
        }

        @Override
        public void close() {
            takenByAll.addAndGet(-taken);
            taken = 0;
        }
    }

    Share share() {
        return new Share();
    }

    /// Reads one body, which must be closed when nothing of it is needed any more. Used by one thread.
    final class Body implements AutoCloseable {
        private final Share share = new Share();
        private byte[] bytes = {};

        private Body() {}

        byte[] bytes() {
            return bytes;
        }

        private void read(InputStream from, int most) throws IOException {
            byte[] read = new byte[Math.min(most, FREE_BYTES)];
            int length = 0;
            while (true) {
                int count = from.read(read, length, read.length - length);
                if (count < 0) {
                    break;
                }
                length += count;
                if (length == most) {
                    break;
                }
                if (length == read.length) {
                    int longer = (int) Math.min(most, 2L * length);
                    share.grow(longer);
                    read = Arrays.copyOf(read, longer);
                }
            }
            bytes = length == read.length ? read : Arrays.copyOf(read, length);
        }

        @Override
        public void close() {
            share.close();
        }
    }

    Body none() {
        return new Body();
    }

    /// @param most largest number of bytes to read
    /// @throws HttpProblem `overloaded`
    Body read(InputStream from, int most) throws IOException {
        Body body = new Body();
        boolean whole = false;
        try {
            body.read(from, most);
            whole = true;
            return body;
        } finally {
            if (!whole) {
                body.close();
            }
        }
    }
}
