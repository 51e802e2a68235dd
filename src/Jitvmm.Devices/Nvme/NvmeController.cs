using System.Buffers.Binary;
using System.Collections.Concurrent;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Nvme;

/// <summary>
/// An NVMe controller with one namespace (NVM Express base specification 2.0, NVM command set 1.0). This file: registers, queues, completion. NvmeController.Admin.cs and
/// NvmeController.Io.cs: the commands.
/// </summary>
/// <remarks>One lock for the controller. Transfers run on the thread of the vCPU that rings the doorbell; what waits for the medium on the disk's own.</remarks>
public sealed partial class NvmeController : MsiFunction, IMemoryDevice, IDisposable
{
    private const uint RangeLength = 0x4000;
    private const int Doorbells = 0x1000;
    private const int MaximumQueues = 65;
    private const uint MaximumEntries = 1024;

    // CAP: 1024 entries, contiguous queues, time-out of 10 s, doorbells 4 bytes apart, NVM command set, pages of 4 KiB.
    private const ulong Capabilities = (MaximumEntries - 1) | (1ul << 16) | (20ul << 24) | (1ul << 37);
    private const uint Version = 0x00010400;
    private const uint Enable = 1;
    private const uint ShutdownMask = 3 << 14;
    private const uint Ready = 1;
    private const uint Fatal = 2;
    private const uint ShutdownDone = 2 << 2;

    private readonly Lock _lock = new();
    private readonly PhysicalMemory _memory;
    private readonly DiskImage _disk;
    private readonly string _serial;
    private readonly NvmePages _pages;
    private readonly NvmeSubmissionQueue?[] _submissions = new NvmeSubmissionQueue?[MaximumQueues];
    private readonly NvmeCompletionQueue?[] _completions = new NvmeCompletionQueue?[MaximumQueues];
    private readonly BlockingCollection<Action>? _slow;
    private readonly Thread? _thread;
    private readonly int _vectors;
    private uint _interruptMask;
    private uint _configuration;
    private uint _status;
    private uint _adminAttributes;
    private ulong _adminSubmission;
    private ulong _adminCompletion;
    private int _generation;

    /// <param name="disk">Its contents; the controller does not dispose of it.</param>
    /// <param name="serial">Its serial number.</param>
    /// <param name="queues">I/O queue pairs with interrupts of their own.</param>
    /// <param name="memory">The machine's.</param>
    /// <param name="bus">Takes its interrupts.</param>
    /// <param name="isInline">Nothing runs on a thread of its own.</param>
    /// <param name="hasTable">Whether it has MSI-X beside MSI.</param>
    public NvmeController(DiskImage disk, string serial, int queues, PhysicalMemory memory, ApicBus bus, bool isInline, bool hasTable = true)
        : base(new PciIdentity(0x1b36, 0x0010, 0x010802, 2, 0x1af4, 0x1100), bus, queues + 1, hasTable)
    {
        _disk = disk;
        _serial = serial;
        _memory = memory;
        _vectors = queues + 1;
        _pages = new NvmePages(memory);
        AddBar(0, RangeLength, this);
        if (!isInline)
        {
            _slow = [];
            _thread = new Thread(ServeSlow, 256 * 1024) { IsBackground = true, Name = $"nvme {serial}" };
            _thread.Start();
        }
    }

    public void Dispose()
    {
        _slow?.CompleteAdding();
        _thread?.Join();
        _slow?.Dispose();
    }

    public ulong Read(ulong offset, int bytes)
    {
        lock (_lock)
        {
            ulong value = ReadRegister((int)offset & ~7);
            return value >> (8 * ((int)offset & 7));
        }
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        if ((offset & 3) != 0 || bytes < 4)
        {
            return;
        }

        lock (_lock)
        {
            if (offset >= Doorbells)
            {
                Ring((int)offset - Doorbells, (uint)value);
                return;
            }

            WriteRegister((int)offset, (uint)value);
            if (bytes == 8)
            {
                WriteRegister((int)offset + 4, (uint)(value >> 32));
            }
        }
    }

    /// <summary>What the disk's thread has been given is finished first: commands are in the guest's rings or answered there.</summary>
    public override void Save(StateWriter writer)
    {
        if (_slow != null)
        {
            using var isDone = new ManualResetEventSlim();
            _slow.Add(isDone.Set);
            isDone.Wait();
        }

        base.Save(writer);
        lock (_lock)
        {
            writer.Section("nvme", 1);
            foreach (uint value in (ReadOnlySpan<uint>)[_interruptMask, _configuration, _status, _adminAttributes])
            {
                writer.UInt32(value);
            }

            writer.UInt64(_adminSubmission);
            writer.UInt64(_adminCompletion);
            for (int i = 0; i < MaximumQueues; i++)
            {
                SaveQueues(writer, _submissions[i], _completions[i]);
            }
        }
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        lock (_lock)
        {
            reader.Section("nvme", 1);
            _generation++;
            _interruptMask = reader.UInt32();
            _configuration = reader.UInt32();
            _status = reader.UInt32();
            _adminAttributes = reader.UInt32();
            _adminSubmission = reader.UInt64();
            _adminCompletion = reader.UInt64();
            for (int i = 0; i < MaximumQueues; i++)
            {
                RestoreQueues(reader, i);
            }
        }
    }

    private static void SaveQueues(StateWriter writer, NvmeSubmissionQueue? submission, NvmeCompletionQueue? completion)
    {
        writer.Bool(submission != null);
        if (submission != null)
        {
            writer.UInt64(submission.Address);
            writer.UInt32(submission.Size);
            writer.UInt16(submission.Completion);
            writer.UInt32(submission.Head);
            writer.UInt32(submission.Tail);
        }

        writer.Bool(completion != null);
        if (completion != null)
        {
            writer.UInt64(completion.Address);
            writer.UInt32(completion.Size);
            writer.Int32(completion.Vector);
            writer.Bool(completion.Interrupts);
            writer.UInt32(completion.Head);
            writer.UInt32(completion.Tail);
            writer.Bool(completion.Phase);
        }
    }

    private void RestoreQueues(StateReader reader, int index)
    {
        _submissions[index] = null;
        _completions[index] = null;
        if (reader.Bool())
        {
            ulong address = reader.UInt64();
            uint size = Math.Clamp(reader.UInt32(), 2, MaximumEntries);
            _submissions[index] = new NvmeSubmissionQueue(address, size, reader.UInt16()) { Head = reader.UInt32() % size, Tail = reader.UInt32() % size };
        }

        if (reader.Bool())
        {
            ulong address = reader.UInt64();
            uint size = Math.Clamp(reader.UInt32(), 2, MaximumEntries);
            int vector = reader.Int32();
            _completions[index] = new NvmeCompletionQueue(address, size, vector, reader.Bool())
            {
                Head = reader.UInt32() % size,
                Tail = reader.UInt32() % size,
                Phase = reader.Bool(),
            };
        }
    }

    private ulong ReadRegister(int offset) => offset switch
    {
        0x00 => Capabilities,
        0x08 => Version | ((ulong)_interruptMask << 32),
        0x10 => _interruptMask | ((ulong)_configuration << 32),
        0x18 => (ulong)_status << 32,
        0x20 => (ulong)_adminAttributes << 32,
        0x28 => _adminSubmission,
        0x30 => _adminCompletion,
        _ => 0,
    };

    private void WriteRegister(int offset, uint value)
    {
        switch (offset)
        {
            case 0x0c:
                _interruptMask |= value;
                UpdatePin();
                break;
            case 0x10:
                Unmask(value);
                break;
            case 0x14:
                Configure(value);
                break;
            case 0x24:
                _adminAttributes = value & 0x0fff0fff;
                break;
            case 0x28:
                _adminSubmission = (_adminSubmission & ~(ulong)uint.MaxValue) | (value & ~0xfffu);
                break;
            case 0x2c:
                _adminSubmission = (uint)_adminSubmission | ((ulong)value << 32);
                break;
            case 0x30:
                _adminCompletion = (_adminCompletion & ~(ulong)uint.MaxValue) | (value & ~0xfffu);
                break;
            case 0x34:
                _adminCompletion = (uint)_adminCompletion | ((ulong)value << 32);
                break;
            default:
                break;
        }
    }

    private void Configure(uint value)
    {
        bool wasEnabled = (_configuration & Enable) != 0;
        _configuration = value;
        if ((value & Enable) != 0 && !wasEnabled)
        {
            Start();
        }
        else if ((value & Enable) == 0 && wasEnabled)
        {
            Stop();
        }

        if ((value & ShutdownMask) != 0)
        {
            // A shutdown puts everything on the medium.
            _ = _disk.Flush();
            _status = (_status & ~0xcu) | ShutdownDone;
        }
        else
        {
            _status &= ~0xcu;
        }
    }

    private void Start()
    {
        uint submissionSize = (_adminAttributes & 0xfff) + 1;
        uint completionSize = ((_adminAttributes >> 16) & 0xfff) + 1;
        const uint PageSizeAndCommandSet = 0x7f0;
        bool isKnown = (_configuration & PageSizeAndCommandSet) == 0;
        if (!isKnown || submissionSize < 2 || completionSize < 2
            || !IsRam(_adminSubmission, submissionSize * NvmeCommand.Size) || !IsRam(_adminCompletion, completionSize * 16))
        {
            _status |= Fatal;
            return;
        }

        _submissions[0] = new NvmeSubmissionQueue(_adminSubmission, submissionSize, 0);
        _completions[0] = new NvmeCompletionQueue(_adminCompletion, completionSize, 0, true);
        _status |= Ready;
    }

    private void Stop()
    {
        _generation++;
        Array.Clear(_submissions);
        Array.Clear(_completions);
        _status = 0;
        UpdatePin();
    }

    private bool IsRam(ulong address, ulong length) => _memory.Allows(address, length, PageAccess.Read | PageAccess.Write);

    /// <summary>A doorbell: the tail of a submission queue, or the head of a completion queue.</summary>
    private void Ring(int offset, uint value)
    {
        int index = offset / 8;
        if (index >= MaximumQueues || (_status & Ready) == 0)
        {
            return;
        }

        if ((offset & 4) == 0)
        {
            NvmeSubmissionQueue? queue = _submissions[index];
            if (queue != null && value < queue.Size)
            {
                queue.Tail = value;
                Serve(index);
            }

            return;
        }

        NvmeCompletionQueue? completion = _completions[index];
        if (completion != null && value < completion.Size)
        {
            completion.Head = value;
            UpdatePin();

            // Commands that found the queue full go on.
            for (int i = 0; i < MaximumQueues; i++)
            {
                if (_submissions[i]?.Completion == index)
                {
                    Serve(i);
                }
            }
        }
    }

    /// <summary>Executes what is in a submission queue, as long as there is room for answers.</summary>
    private void Serve(int index)
    {
        if (!IsBusMaster)
        {
            return;
        }

        Span<byte> entry = stackalloc byte[NvmeCommand.Size];
        while (_submissions[index] is { } queue && queue.Head != queue.Tail && _completions[queue.Completion] is { IsFull: false })
        {
            if (!_memory.Read(queue.Address + NvmeCommand.Size * (ulong)queue.Head, entry))
            {
                _status |= Fatal;
                return;
            }

            queue.Head = (queue.Head + 1) % queue.Size;
            var command = new NvmeCommand(entry);
            uint result = 0;
            NvmeStatus? status = index == 0 ? Administer(command, out result) : Execute(command, (ushort)index);
            if (status != null)
            {
                Complete(index, queue, command.Identifier, status.Value, result);
            }
        }
    }

    private void Complete(int index, NvmeSubmissionQueue submission, ushort identifier, NvmeStatus status, uint result)
    {
        if (_completions[submission.Completion] is not { } queue)
        {
            return;
        }

        Span<byte> entry = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, result);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], 0);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)submission.Head);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], (ushort)index);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], identifier);
        ulong at = queue.Address + 16ul * queue.Tail;

        // The word with the phase bit goes last: it tells the driver that the rest is there.
        _ = _memory.Write(at, entry[..14]);
        ushort last = (ushort)(((uint)status << 1) | (queue.Phase ? 1u : 0));
        if (_memory.TryGetSpan(at + 14, 2, PageAccess.Write, out Span<byte> word))
        {
            Volatile.Write(ref System.Runtime.InteropServices.MemoryMarshal.AsRef<ushort>(word), last);
        }

        queue.Tail++;
        if (queue.Tail == queue.Size)
        {
            queue.Tail = 0;
            queue.Phase = !queue.Phase;
        }

        if (!queue.Interrupts)
        {
            return;
        }

        if (Vectors.IsEnabled)
        {
            Vectors.Notify(queue.Vector);
        }
        else if (!UsesPlainMessages)
        {
            UpdatePin();
        }
        else if (!IsMasked(queue))
        {
            SendMessage(queue.Vector);
        }
    }

    /// <summary>INTMC: answers that came while a vector was masked are reported now. MSI-X has masks of its own (base specification 2.0, 3.1.3.3 and 3.1.3.4).</summary>
    private void Unmask(uint vectors)
    {
        uint unmasked = _interruptMask & vectors;
        _interruptMask &= ~vectors;
        UpdatePin();
        if (unmasked == 0 || !UsesPlainMessages || Vectors.IsEnabled)
        {
            return;
        }

        foreach (NvmeCompletionQueue? queue in _completions)
        {
            if (queue is { HasAnswers: true } && (unmasked >> (queue.Vector & 31) & 1) != 0)
            {
                SendMessage(queue.Vector);
            }
        }
    }

    private bool IsMasked(NvmeCompletionQueue queue) => (_interruptMask >> (queue.Vector & 31) & 1) != 0;

    /// <summary>INTA is high while a queue with interrupts has answers that the driver has not taken.</summary>
    private void UpdatePin()
    {
        bool raised = false;
        foreach (NvmeCompletionQueue? queue in _completions)
        {
            raised |= queue is { HasAnswers: true } && !IsMasked(queue);
        }

        SetInterrupt(raised && !Vectors.IsEnabled && !UsesPlainMessages);
    }

    private void ServeSlow()
    {
        foreach (Action request in _slow!.GetConsumingEnumerable())
        {
            request();
        }
    }
}
