package io.tidegrad.engine.layer;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/// A copy-on-write copy of a slab: arrays are shared until the first write. Tables are copied block by block, other
/// tensors as a whole, because a step changes all of a dense tensor anyway. Readers of the original are not affected.
/// One thread writes, and stops before the copy is read.
public final class SlabCopy {
    private final Storage[] storages;
    private final @Nullable BitSet[] owned; // tensor → blocks that are copied; null if none is
    private final Slab slab;
    private long copiedBytes;

    /// @param of the slab to copy, without optimizer state
    public SlabCopy(Slab of) {
        storages = of.storages();
        owned = new BitSet[storages.length];
        slab = new Slab(storages);
    }

    public Slab slab() {
        return slab;
    }

    /// Bytes of the arrays that are not shared with the original.
    public long copiedBytes() {
        return copiedBytes;
    }

    /// The tensor's storage, of which rows `first` to `last` (both included) may be written.
    public Storage writable(int tensor, int first, int last) {
        BitSet ours = owned[tensor];
        boolean shared = ours == null;
        if (ours == null) {
            ours = new BitSet();
            owned[tensor] = ours;
        }
        switch (storages[tensor]) {
            case Storage.Rows rows -> {
                Storage.Rows copy = shared ? rows.sharing() : rows;
                storages[tensor] = copy;
                for (int block = first >>> copy.shift(); block <= last >>> copy.shift(); block++) {
                    if (!ours.get(block)) {
                        ours.set(block);
                        copy.blocks()[block] = copy.blocks()[block].clone();
                        copiedBytes += (long) copy.blocks()[block].length * Float.BYTES;
                    }
                }
            }
            case Storage.Dense dense -> {
                if (shared) {
                    storages[tensor] = new Storage.Dense(dense.tensor(), dense.weights().clone(), dense.state());
                    copiedBytes += (long) dense.weights().length * Float.BYTES;
                }
            }
            case Storage.Doubles(double[] values) -> {
                if (shared) {
                    storages[tensor] = new Storage.Doubles(values.clone());
                    copiedBytes += (long) values.length * Double.BYTES;
                }
            }
            case Storage.Touched gradients -> throw new IllegalStateException("gradients are never shared");
        }
        return storages[tensor];
    }
}
