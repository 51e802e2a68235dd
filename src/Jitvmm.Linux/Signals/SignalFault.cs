namespace Jitvmm.Linux.Signals;

/// <summary>What <c>ucontext_t</c> says of the exception that caused a signal; all 0 for other signals.</summary>
/// <param name="Trap">Exception vector (trapno).</param>
/// <param name="ErrorCode">err.</param>
/// <param name="Address">cr2.</param>
public readonly record struct SignalFault(ulong Trap, ulong ErrorCode, ulong Address);
