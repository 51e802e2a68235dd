namespace Jitvmm.Runtime.CodeCache;

/// <summary>Addresses of tier-0 handlers that the code cache writes into records itself.</summary>
/// <param name="Replaced">The head of a block whose bytes changed: goes on at the block that is there now, which it keeps in <see cref="TbOp.Target"/>.</param>
/// <param name="Stale">Every other record of such a block.</param>
/// <param name="Return">Ends the run of a single record.</param>
public readonly record struct RecordHandlers(nint Replaced, nint Stale, nint Return);
