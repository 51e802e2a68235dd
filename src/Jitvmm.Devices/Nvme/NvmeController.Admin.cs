using System.Buffers.Binary;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Nvme;

/// <summary>Admin commands.</summary>
public sealed partial class NvmeController
{
    private const byte DeleteSubmission = 0x00;
    private const byte CreateSubmission = 0x01;
    private const byte GetLogPage = 0x02;
    private const byte DeleteCompletion = 0x04;
    private const byte CreateCompletion = 0x05;
    private const byte Identify = 0x06;
    private const byte Abort = 0x08;
    private const byte SetFeatures = 0x09;
    private const byte GetFeatures = 0x0a;
    private const byte AsynchronousEvent = 0x0c;

    /// <summary>Executes an admin command. Null: it is answered later, or never.</summary>
    private NvmeStatus? Administer(in NvmeCommand command, out uint result)
    {
        result = 0;
        switch (command.Opcode)
        {
            case DeleteSubmission:
                return Delete(_submissions, command.D10);
            case DeleteCompletion:
                return DeleteCompletionQueue(command.D10);
            case CreateSubmission:
                return CreateSubmissionQueue(command);
            case CreateCompletion:
                return CreateCompletionQueue(command);
            case GetLogPage:
                return ReturnLogPage(command);
            case Identify:
                return ReturnIdentity(command);
            case Abort:
                // Commands are done before an abort can name them: bit 0 says that it was not aborted.
                result = 1;
                return NvmeStatus.Success;
            case SetFeatures or GetFeatures:
                return Feature(command, out result);
            case AsynchronousEvent:
                // Kept until there is an event; none ever comes.
                return null;
            default:
                return NvmeStatus.InvalidOpcode;
        }
    }

    private static NvmeStatus Delete<T>(T?[] queues, uint index)
        where T : class
    {
        index &= 0xffff;
        if (index == 0 || index >= MaximumQueues || queues[index] == null)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        queues[index] = null;
        return NvmeStatus.Success;
    }

    private NvmeStatus DeleteCompletionQueue(uint index)
    {
        foreach (NvmeSubmissionQueue? queue in _submissions)
        {
            if (queue != null && queue.Completion == (index & 0xffff))
            {
                return NvmeStatus.InvalidQueueDeletion;
            }
        }

        NvmeStatus status = Delete(_completions, index);
        UpdatePin();
        return status;
    }

    private NvmeStatus CreateCompletionQueue(in NvmeCommand command)
    {
        const uint Contiguous = 1;
        const uint InterruptsEnabled = 2;
        uint index = command.D10 & 0xffff;
        uint size = (command.D10 >> 16) + 1;
        int vector = (int)(command.D11 >> 16);
        if (index == 0 || index >= MaximumQueues || _completions[index] != null)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        if (size is < 2 or > MaximumEntries)
        {
            return NvmeStatus.InvalidQueueSize;
        }

        if (vector >= _vectors)
        {
            return NvmeStatus.InvalidVector;
        }

        if ((command.D11 & Contiguous) == 0 || command.Pointer1 % NvmePages.PageSize != 0 || !IsRam(command.Pointer1, 16 * size))
        {
            return NvmeStatus.InvalidField;
        }

        _completions[index] = new NvmeCompletionQueue(command.Pointer1, size, vector, (command.D11 & InterruptsEnabled) != 0);
        return NvmeStatus.Success;
    }

    private NvmeStatus CreateSubmissionQueue(in NvmeCommand command)
    {
        const uint Contiguous = 1;
        uint index = command.D10 & 0xffff;
        uint size = (command.D10 >> 16) + 1;
        uint completion = command.D11 >> 16;
        if (index == 0 || index >= MaximumQueues || _submissions[index] != null)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        if (completion == 0 || completion >= MaximumQueues || _completions[completion] == null)
        {
            return NvmeStatus.CompletionQueueInvalid;
        }

        if (size is < 2 or > MaximumEntries)
        {
            return NvmeStatus.InvalidQueueSize;
        }

        if ((command.D11 & Contiguous) == 0 || command.Pointer1 % NvmePages.PageSize != 0 || !IsRam(command.Pointer1, NvmeCommand.Size * size))
        {
            return NvmeStatus.InvalidField;
        }

        _submissions[index] = new NvmeSubmissionQueue(command.Pointer1, size, (ushort)completion);
        return NvmeStatus.Success;
    }

    private NvmeStatus ReturnIdentity(in NvmeCommand command)
    {
        const uint OfNamespace = 0;
        const uint OfController = 1;
        const uint ActiveNamespaces = 2;
        const uint Descriptors = 3;
        byte[] data;
        switch (command.D10 & 0xff)
        {
            case OfController:
                data = NvmeIdentity.Controller(_serial, !_disk.IsReadOnly);
                break;
            case OfNamespace when command.Namespace is 1 or uint.MaxValue:
                data = NvmeIdentity.Namespace((ulong)_disk.Length / Disks.DiskImage.SectorSize, !_disk.IsReadOnly, _disk.IsReadOnly);
                break;
            case OfNamespace:
                return NvmeStatus.InvalidNamespace;
            case ActiveNamespaces:
                data = new byte[NvmeIdentity.Size];
                data[0] = command.Namespace < 1 ? (byte)1 : (byte)0;
                break;
            case Descriptors when command.Namespace == 1:
                // A random-looking but stable UUID, made of the serial number.
                data = new byte[NvmeIdentity.Size];
                data[0] = 3;
                data[1] = 16;
                for (int i = 0; i < 16; i++)
                {
                    data[4 + i] = (byte)(0x51 + 7 * i + _serial[i % _serial.Length]);
                }

                break;
            default:
                return NvmeStatus.InvalidField;
        }

        return Return(command, data);
    }

    private NvmeStatus ReturnLogPage(in NvmeCommand command)
    {
        const uint Errors = 1;
        const uint Health = 2;
        const uint Firmware = 3;
        uint page = command.D10 & 0xff;
        if (page is not (Errors or Health or Firmware))
        {
            return NvmeStatus.InvalidLogPage;
        }

        ulong length = ((((ulong)command.D11 & 0xffff) << 16) + (command.D10 >> 16) + 1) * 4;
        byte[] data = new byte[Math.Min(length, NvmeIdentity.Size)];
        if (page == Health && data.Length >= 8)
        {
            // 300 K, all spare blocks left.
            BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(1), 300);
            data[3] = 100;
            data[4] = 10;
        }

        return Return(command, data);
    }

    private NvmeStatus Return(in NvmeCommand command, byte[] data)
    {
        if ((command.Flags & 0xc0) != 0 || !_pages.TryCollect(command, (ulong)data.Length, true))
        {
            return NvmeStatus.InvalidField;
        }

        _pages.Write(data);
        return NvmeStatus.Success;
    }

    private NvmeStatus Feature(in NvmeCommand command, out uint result)
    {
        const uint Arbitration = 1;
        const uint PowerManagement = 2;
        const uint TemperatureThreshold = 4;
        const uint ErrorRecovery = 5;
        const uint VolatileWriteCache = 6;
        const uint NumberOfQueues = 7;
        const uint Coalescing = 8;
        const uint VectorConfiguration = 9;
        const uint WriteAtomicity = 10;
        const uint EventConfiguration = 11;
        result = 0;
        switch (command.D10 & 0xff)
        {
            case NumberOfQueues:
                // As many pairs as there are vectors besides the admin queue's.
                result = (uint)(_vectors - 2) | ((uint)(_vectors - 2) << 16);
                return NvmeStatus.Success;
            case VolatileWriteCache:
                result = 1;
                return NvmeStatus.Success;
            case TemperatureThreshold:
                result = command.Opcode == GetFeatures ? 343u : 0;
                return NvmeStatus.Success;
            case Arbitration or PowerManagement or ErrorRecovery or Coalescing or VectorConfiguration or WriteAtomicity or EventConfiguration:
                return NvmeStatus.Success;
            default:
                return NvmeStatus.InvalidField;
        }
    }
}
