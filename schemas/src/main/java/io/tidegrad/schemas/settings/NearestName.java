package io.tidegrad.schemas.settings;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/// Finds what somebody probably meant to write.
public final class NearestName {
    private NearestName() {}

    /// `; did you mean 'buckets'?`, or, where nothing known is near, the known ones: ` (known: field, buckets)`.
    public static String hint(String found, Collection<String> known) {
        String nearest = nearest(found, known);
        return nearest != null ? "; did you mean '" + nearest + "'?" : " (known: " + String.join(", ", known) + ")";
    }

    /// Null when nothing is near.
    public static @Nullable String nearest(String found, Collection<String> known) {
        String nearest = "";
        int least = 20;
        for (String candidate : known) {
            if (Math.abs(found.length() - candidate.length()) >= least) {
                continue; // at least so many insertions, and a hostile key may be long
            }
            int distance = distance(found, candidate);
            if (distance < least) {
                least = distance;
                nearest = candidate;
            }
        }
        // A third of the word wrong is still a slip of the finger; more is another word.
        return least <= Math.max(1, nearest.length() / 3) ? nearest : null;
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replaced = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(replaced, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
