/// What scoring costs: in process, over HTTP, while versions come and go, beside another runtime. Every answer is
/// compared with a recomputation by the version that it names.
@NullMarked
package io.tidegrad.loadtests.score;

import org.jspecify.annotations.NullMarked;
