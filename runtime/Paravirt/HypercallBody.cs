using System.Reflection;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>A hypercall as compiled code carries it out, without leaving.</summary>
/// <param name="Method">
/// A static method of the CPU state and the arguments that returns the result. It raises nothing, touches neither registers nor what the guest's addresses lead to, and waits for no other
/// processor. Null: the result is <paramref name="Constant"/>.
/// </param>
/// <param name="Arguments">Numbers of the general registers passed, in the method's order.</param>
/// <param name="Result">Number of the general register that gets the result.</param>
/// <param name="Constant">The result when there is nothing to do.</param>
public sealed record HypercallBody(MethodInfo? Method, IReadOnlyList<int> Arguments, int Result, ulong Constant = 0)
{
    /// <summary>A static method that says, from the registers in <see cref="Examined"/> alone, whether this is the call that is made; tier 0 makes any other. Null: it always is.</summary>
    public MethodInfo? Accepts { get; init; }

    /// <summary>Numbers of the general registers passed to <see cref="Accepts"/>.</summary>
    public IReadOnlyList<int> Examined { get; init; } = [];

    /// <summary>General registers that get constants beside the result.</summary>
    public IReadOnlyList<(int Register, ulong Value)> Others { get; init; } = [];
}
