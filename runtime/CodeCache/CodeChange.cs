namespace Jitvmm.Runtime.CodeCache;

/// <summary>Why a translation was thrown away.</summary>
public enum CodeChangeKind : byte
{
    /// <summary>A guest instruction stored into its bytes.</summary>
    Store,

    /// <summary>A system call of a process guest wrote there, or changed the mapping.</summary>
    SystemCall,

    /// <summary>What the VMM did in place of an instruction of a machine guest: a hypercall, a port access.</summary>
    Callout,

    /// <summary>A device wrote there, or another thread of the VMM.</summary>
    Device,

    /// <summary>An instruction goes on in a page that is mapped elsewhere now.</summary>
    Remapped,

    /// <summary>A guest thread unmasked floating-point exceptions: every translation is made anew.</summary>
    FloatChecks,

    /// <summary>Another thread stored there while it was translated.</summary>
    Race,
}

/// <summary>A change of code.</summary>
/// <param name="Kind">What did it.</param>
/// <param name="Instruction">Guest address of the storing instruction, or of the one behind a system call; 0 when there is none.</param>
/// <param name="Address">Where was written, as blocks' physical addresses count.</param>
/// <param name="Length">Bytes written.</param>
public readonly record struct CodeChange(CodeChangeKind Kind, ulong Instruction = 0, ulong Address = 0, ulong Length = 0);
