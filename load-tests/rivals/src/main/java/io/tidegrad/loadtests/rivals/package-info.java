/// The bench's workloads through other libraries: what a Java user would pick instead of Tidegrad.
@NullMarked
package io.tidegrad.loadtests.rivals;

import org.jspecify.annotations.NullMarked;
