namespace Jitvmm.Devices.Nvme;

/// <summary>A submission queue (NVM Express 2.0, 3.3.1): entries of 64 bytes in guest memory.</summary>
internal sealed class NvmeSubmissionQueue(ulong address, uint size, ushort completion)
{
    public ulong Address => address;

    public uint Size => size;

    /// <summary>The completion queue its commands are answered in.</summary>
    public ushort Completion => completion;

    public uint Head { get; set; }

    public uint Tail { get; set; }
}

/// <summary>A completion queue: entries of 16 bytes, with a phase bit that turns with each round.</summary>
internal sealed class NvmeCompletionQueue(ulong address, uint size, int vector, bool interrupts)
{
    public ulong Address => address;

    public uint Size => size;

    public int Vector => vector;

    public bool Interrupts => interrupts;

    public uint Head { get; set; }

    public uint Tail { get; set; }

    public bool Phase { get; set; } = true;

    /// <summary>Whether it interrupts, and has answers that the driver has not taken.</summary>
    public bool HasAnswers => interrupts && Head != Tail;

    public bool IsFull => (Tail + 1) % size == Head;
}
