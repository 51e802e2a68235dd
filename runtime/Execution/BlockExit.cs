namespace Jitvmm.Runtime.Execution;

/// <summary>How generated code of either tier came back to the vCPU loop.</summary>
public enum BlockExit
{
    /// <summary>The next block is not known here: look RIP up.</summary>
    Lookup,

    /// <summary>As <see cref="Lookup"/>, and the record in <c>CurrentOp</c> wants to be chained to the block found.</summary>
    Link,

    /// <summary>The exit request was seen.</summary>
    Interrupted,

    /// <summary>The block in <c>CurrentOp</c> has become hot.</summary>
    Hot,

    /// <summary><c>syscall</c>.</summary>
    SystemCall,

    /// <summary>An exception; vector in the CPU state.</summary>
    Exception,

    /// <summary>Compiled code met something only tier 0 does, at RIP: execute that instruction there.</summary>
    Interpret,

    /// <summary>The instruction at RIP must run by itself.</summary>
    Single,

    /// <summary><c>hlt</c>: RIP is past it; the CPU waits for an interrupt.</summary>
    Halted,

    /// <summary>Compiled code goes on at RIP, in a page that it could not see to be where it was: walk to it again.</summary>
    Fetch,

    /// <summary>As <see cref="Interpret"/>, because of NaNs whose order compiled code does not keep.</summary>
    Nan,
}
