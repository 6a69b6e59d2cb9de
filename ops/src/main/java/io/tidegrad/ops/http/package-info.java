/// The HTTP server that trainer and scorer share: everything that a client can make large, slow or many has a bound.
@NullMarked
package io.tidegrad.ops.http;

import org.jspecify.annotations.NullMarked;
