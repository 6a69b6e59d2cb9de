package io.tidegrad.schemas;

import org.jspecify.annotations.Nullable;

/// A place in the values of a schema that some paths go through or end at.
final class FieldNode {
    static final FieldNode[] NONE = {};
    static final int[] NO_PATHS = {};
    static final int SEVERAL = -1;

    final AvroType type;
    /// Paths that end here.
    int[] ends = NO_PATHS;
    /// The only path that ends here, or `SEVERAL`: none or more.
    int end = SEVERAL;
    /// Paths that end here or further down, ascending.
    int[] below = NO_PATHS;
    /// By field of a record or branch of a union; of an array or map the one of each element. Null where no path goes.
    /// Fields behind the last one that a path goes to are left out.
    @Nullable
    FieldNode[] parts = NONE;
    /// Of a map, the entries that paths name.
    Entry[] entries = {};
    /// Of an array or map, the paths whose list begins here, and those of whose list each element is an element.
    int[] begun = NO_PATHS;
    int[] elements = NO_PATHS;

    FieldNode(AvroType type) {
        this.type = type;
    }

    @Nullable
    FieldNode part(int index) {
        return index < parts.length ? parts[index] : null;
    }

    /// By entry, how long the lists are that `Entry.undo` shortens.
    int[][] sizes(FieldSink of) {
        int[][] sizes = new int[entries.length][];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = entries[i].sizes(of);
        }
        return sizes;
    }

    /// An entry of a map. A key may come twice, and the last one counts: what the earlier one gave is undone, which
    /// differs by where the lists of the paths begin and end.
    ///
    /// @param key in UTF-8
    /// @param cleared paths without a list around the map
    /// @param reopened paths with a list around it, of which the entry is one element
    /// @param truncated paths with a list around it, to which the entry gives any number of elements
    record Entry(byte[] key, FieldNode value, int[] cleared, int[] reopened, int[] truncated) {
        void undo(FieldSink to, int[] sizes) {
            for (int path : cleared) {
                to.clear(path);
            }
            for (int path : reopened) {
                to.reopen(path);
            }
            for (int i = 0; i < truncated.length; i++) {
                to.truncate(truncated[i], sizes[i]);
            }
        }

        private int[] sizes(FieldSink of) {
            if (truncated.length == 0) {
                return FieldNode.NO_PATHS;
            }
            int[] sizes = new int[truncated.length];
            for (int i = 0; i < sizes.length; i++) {
                sizes[i] = of.size(truncated[i]);
            }
            return sizes;
        }
    }
}
