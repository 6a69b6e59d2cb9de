package io.tidegrad.engine.kernel;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The code that the kernels of all vector widths share. Families that iterate over panels and tiles have their own
/// interfaces; the inner loops and all other families are generated, one class per width. A process loads only one of
/// them, because C2 never optimises code well again once it has seen two vector widths.
abstract sealed class VectorKernels implements Kernels, VectorDenseKernels, VectorConvolutionKernels
        permits Simd128, Simd256, Simd512 {
    /// Handles the rest of an elementwise loop after the last whole vector.
    static final ScalarKernels SCALAR = new ScalarKernels();

    /// Zeros for the widest panel, from which sums without bias start.
    static final float[] ZEROS = new float[64];

    private final String name;

    VectorKernels(int bits) {
        name = "simd-" + bits;
    }

    /// Bits of the widest vectors that this processor has and kernels exist for.
    static int widestBits() {
        return Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
    }

    static VectorKernels of(int bits) {
        return switch (bits) {
            case 128 -> new Simd128();
            case 256 -> new Simd256();
            case 512 -> new Simd512();
            default -> throw new IllegalArgumentException("no kernels for vectors of " + bits + " bits");
        };
    }

    @Override
    public final String name() {
        return name;
    }

    static IllegalStateException frozen() {
        return new IllegalStateException("frozen weights have no update");
    }

    /// A mask of the lanes l with bit `distance` set.
    static VectorMask<Float> bit(VectorSpecies<Float> species, int distance) {
        boolean[] lanes = new boolean[species.length()];
        for (int l = 0; l < lanes.length; l++) {
            lanes[l] = (l & distance) != 0;
        }
        return VectorMask.fromArray(species, lanes, 0);
    }

    /// Lane l takes lane l xor `distance`.
    static VectorShuffle<Float> swap(VectorSpecies<Float> species, int distance) {
        int[] sources = new int[species.length()];
        Arrays.setAll(sources, l -> l ^ distance);
        return VectorShuffle.fromArray(species, sources, 0);
    }
}
