package io.tidegrad.loadtests;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What the log of a JVM's collector, the serial or G1, and of its safepoints says, read as it grows: how long the whole
/// process stood still, and what was left of its heap after full collections. A collection that a load test asked for
/// says what is left, and is no pause of the process's own. The log also tells what processor time each collection took:
/// if that is far below its length, the process waited for a processor.
final class GcLog {
    private static final Pattern AFTER = Pattern.compile("GC\\(\\d+\\) (DefNew|Tenured): \\d+K\\(\\d+K\\)->(\\d+)K");
    private static final Pattern G1 =
            Pattern.compile("garbage-first heap .* used (\\d+)K(?: \\[0x([0-9a-f]+), 0x([0-9a-f]+)\\))?");
    private static final Pattern FULL = Pattern.compile("Pause Full \\(([^)]*)\\)");
    private static final Pattern SAFEPOINT = Pattern.compile("Safepoint \".*Total: +(\\d+) ns");
    private static final String ASKED_FOR = "Diagnostic Command";

    private final Path file;
    private long position;
    private double youngKilobytes;
    private double oldKilobytes;
    private double g1Kilobytes;
    private double live = Double.NaN;
    private double askedMillis = Double.NaN;
    private @Nullable Heap heap;
    private boolean asked; // the next safepoint to be told is that of a collection that was asked for

    /// @param from its first address
    /// @param to the address after its last
    record Heap(long from, long to) {
    }

    GcLog(Path file) {
        this.file = file;
    }

    /// The flags with which a JVM writes the log. A thread of its own writes it, so no collection waits for the disk: while
    /// another program kept the disk busy, a JVM without such a thread stood still for up to 494 ms, one with it for 23.
    static List<String> flags(Path file) {
        return List.of("-Xlog:async:stall",
                "-Xlog:gc,gc+heap=debug,gc+cpu,safepoint:file=" + file.toAbsolutePath() + ":uptime:filecount=0");
    }

    /// Reads what is new.
    ///
    /// @return the longest time, in milliseconds, that all threads stood still, those included which it took to stop them
    double pauseMillis() {
        double longest = 0;
        for (String line : newLines()) {
            Matcher after = AFTER.matcher(line);
            Matcher g1 = G1.matcher(line);
            Matcher full = FULL.matcher(line);
            Matcher safepoint = SAFEPOINT.matcher(line);
            if (after.find()) {
                double kilobytes = Double.parseDouble(after.group(2));
                youngKilobytes = after.group(1).equals("DefNew") ? kilobytes : youngKilobytes;
                oldKilobytes = after.group(1).equals("Tenured") ? kilobytes : oldKilobytes;
            } else if (g1.find()) { // before and after a collection, and what it was for comes behind that
                g1Kilobytes = Double.parseDouble(g1.group(1));
                heap = g1.group(2) == null ? heap
                        : new Heap(Long.parseLong(g1.group(2), 16), Long.parseLong(g1.group(3), 16));
            } else if (full.find()) {
                asked = full.group(1).equals(ASKED_FOR);
                live = (youngKilobytes + oldKilobytes + g1Kilobytes) / 1024;
            } else if (safepoint.find()) {
                double millis = Double.parseDouble(safepoint.group(1)) * 1e-6;
                if (asked) {
                    askedMillis = millis;
                } else {
                    longest = Math.max(longest, millis);
                }
                asked = false;
            }
        }
        return longest;
    }

    /// Where G1's heap lies; null before its first collection, and for another collector, whose log does not tell it.
    @Nullable
    Heap heap() {
        return heap;
    }

    /// Megabytes that the newest full collection has left; NaN before the first.
    double liveMegabytes() {
        return live;
    }

    /// How long the newest collection took that was asked for, in milliseconds; NaN before the first.
    double askedMillis() {
        return askedMillis;
    }

    private String[] newLines() {
        try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
            log.seek(position);
            byte[] bytes = new byte[(int) (log.length() - position)];
            log.readFully(bytes);
            String text = new String(bytes, StandardCharsets.UTF_8);
            int whole = text.lastIndexOf('\n') + 1;
            position += text.substring(0, whole).getBytes(StandardCharsets.UTF_8).length;
            return text.substring(0, whole).split("\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
