package io.tidegrad.engine.kernel;

/// Prints the name of the active kernels, or the reason why there are none.
final class KernelNames {
    private KernelNames() {}

    public static void main(String[] arguments) {
        try {
            System.out.println(Kernels.active().name());
        } catch (IllegalStateException refused) {
            System.out.println(refused.getMessage());
        }
    }
}
