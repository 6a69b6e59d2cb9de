package io.tidegrad.engine.layer;

/// By what weights a `Mixture` mixes, for those who tell it.
///
/// @param statistics the mixture's tensor of statistics
/// @param at index there of the first member's weight
/// @param members how many there are
/// @param stacked whether the members' stacked prediction is mixed, too, as the last one
/// @param path what the names of the mixture's tensors begin with: `1.`, or nothing
public record MemberShares(int statistics, int at, int members, boolean stacked, String path) {

    /// Returns the share of each member, and then of the stacked prediction, of 1 in all.
    public double[] of(Slab slab) {
        double[] state = slab.statistics(statistics);
        double[] shares = new double[members + (stacked ? 1 : 0)];
        double sum = 0;
        for (int i = 0; i < shares.length; i++) {
            shares[i] = MixedPass.weight(state, at, i, shares.length);
            sum += shares[i];
        }
        for (int i = 0; i < shares.length; i++) {
            shares[i] /= sum;
        }
        return shares;
    }

    /// Returns which member a tensor or the place of a layer (`layer 1.0.1 (Relu)`) belongs to; -1 for none.
    public int member(String place) {
        String name = place.startsWith("layer ") ? place.substring("layer ".length()) : place;
        for (int m = 0; m < members; m++) {
            if (name.startsWith(path + m + ".") || name.startsWith(path + m + " ")) {
                return m;
            }
        }
        return -1;
    }
}
