package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One of several layers that read the same input. Layers overwrite their input's gradient, so each has its own share,
/// and the layer around them adds the shares.
///
/// @param width of the output
/// @param dx the branch's share of the input's gradient
record Branch(Pass pass, int width, @Nullable Block dx) {
    static Branch of(Workspace workspace, Planned planned, Activation x, @Nullable Activation into) {
        Block dx = workspace.like(x.gradient());
        return new Branch(planned.binding().bind(workspace, new Activation(x.value(), dx), into),
                planned.output().width(), dx);
    }

    static List<Branch> bind(Workspace workspace, List<Planned> planned, Activation x) {
        return planned.stream().map(branch -> of(workspace, branch, x, null)).toList();
    }

    /// Binds branches that may write their outputs next to each other into the columns of `output`.
    static List<Branch> sideBySide(Workspace workspace, List<Planned> planned, Activation x, Activation output) {
        List<Branch> branches = new ArrayList<>();
        int column = 0;
        for (Planned branch : planned) {
            branches.add(of(workspace, branch, x, output.from(column)));
            column += branch.output().width();
        }
        return branches;
    }

    /// dx = the sum of the branches' shares, in their order.
    static void sumInputGradients(int lines, Branch[] branches, @Nullable Block dx) {
        if (dx == null) {
            return;
        }
        Arrays.fill(dx.values, dx.at, dx.row(lines), 0);
        for (Branch branch : branches) {
            Block share = branch.dx;
            if (share != null) {
                for (int i = 0; i < lines * dx.stride; i++) {
                    dx.values[dx.at + i] += share.values[i];
                }
            }
        }
    }
}
